"""The Twilio account and the sender of texts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flowctl.errors import InputError
from flowctl.settings.secret import Secret
from flowctl.settings.urls import check_api_url

_API_KEY = ("TWILIO_API_KEY", "TWILIO_API_SECRET")
_VARIABLES = (
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    *_API_KEY,
    "TWILIO_FROM_NUMBER",
    "TWILIO_MESSAGING_SERVICE_SID",
)
_PLACES = ("TWILIO_EDGE", "TWILIO_REGION")


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """An account and a sender: a number or a messaging service, which wins where both are given.

    ``username`` is the account SID or an API key's SID (``SK...``); ``password`` belongs to it.
    ``edge`` and ``region`` choose among Twilio's own hosts
    (https://www.twilio.com/docs/global-infrastructure); with ``api_url`` neither applies.
    """

    account_sid: str
    username: str
    password: Secret
    from_number: str | None
    messaging_service_sid: str | None
    api_url: str | None
    edge: str | None = None
    region: str | None = None


def missing_variables(values: Mapping[str, str]) -> tuple[str, ...]:
    """What to set before texts can be sent; empty where nothing is missing."""
    missing = [] if "TWILIO_ACCOUNT_SID" in values else ["TWILIO_ACCOUNT_SID"]
    if "TWILIO_AUTH_TOKEN" not in values:
        half_a_key = [name for name in _API_KEY if name not in values]
        missing += ["TWILIO_AUTH_TOKEN"] if len(half_a_key) == len(_API_KEY) else half_a_key
    if not values.keys() & {"TWILIO_FROM_NUMBER", "TWILIO_MESSAGING_SERVICE_SID"}:
        missing.append("TWILIO_FROM_NUMBER or TWILIO_MESSAGING_SERVICE_SID")
    return tuple(missing)


def twilio_settings(values: Mapping[str, str]) -> TwilioSettings | None:
    """The account, or null where something is missing. Raises InputError for what is malformed."""
    for name in _VARIABLES:
        if not re.fullmatch(r"[!-~ ]*", values.get(name, "")):
            raise InputError(
                f"{name} holds a character that is not printable ASCII", hint="paste it again"
            )
    sid = values.get("TWILIO_ACCOUNT_SID", "")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", sid):
        raise InputError(
            "TWILIO_ACCOUNT_SID is not an account SID", hint="it is AC and 32 letters and digits"
        )
    for name in _PLACES:
        if not re.fullmatch(r"[a-z0-9-]*", values.get(name, "")):
            raise InputError(
                f"{name} is not the name of one of Twilio's places",
                hint="it is like dublin (TWILIO_EDGE) and ie1 (TWILIO_REGION)",
            )
    api_url = values.get("TWILIO_API_URL")
    if api_url is not None:
        check_api_url("TWILIO_API_URL", api_url)
    if missing_variables(values):
        return None
    with_key = values.keys() >= {*_API_KEY}
    return TwilioSettings(
        account_sid=sid,
        username=values["TWILIO_API_KEY"] if with_key else sid,
        password=Secret(values["TWILIO_API_SECRET" if with_key else "TWILIO_AUTH_TOKEN"]),
        from_number=values.get("TWILIO_FROM_NUMBER"),
        messaging_service_sid=values.get("TWILIO_MESSAGING_SERVICE_SID"),
        api_url=api_url,
        edge=values.get("TWILIO_EDGE"),
        region=values.get("TWILIO_REGION"),
    )
