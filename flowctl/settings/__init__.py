"""Secrets and addresses of the outside world, read once from a mapping (the environment).

Nobody else reads ``os.environ``. The credentials of a channel are asked for only by the channel
that sends: a missing Twilio token does not stop an email. An empty variable counts as not set. What
is malformed is refused by the variable's name; no message ever shows the value of a secret.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowctl import address
from flowctl.errors import InputError
from flowctl.model import Channel
from flowctl.settings import email as email_variables
from flowctl.settings import mailbox, smtp, twilio, urls
from flowctl.settings.email import EmailSettings
from flowctl.settings.envfile import read_env_file
from flowctl.settings.mailbox import MailboxSettings
from flowctl.settings.only_to import OnlyTo, only_to
from flowctl.settings.secret import Secret
from flowctl.settings.smtp import SmtpSettings
from flowctl.settings.twilio import TwilioSettings

__all__ = [
    "EmailSettings",
    "MailboxSettings",
    "OnlyTo",
    "Secret",
    "Settings",
    "SmtpSettings",
    "TwilioSettings",
    "read_env_file",
]

EMBEDDED = "embedded"
"""The value of ``DATABASE_URL`` that means the embedded database."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the environment says; see README, "Configuration".

    ``twilio`` and ``smtp`` are null where their channel is not configured, or only in part;
    ``missing`` names what to set then. ``names_embedded``: ``DATABASE_URL`` asks for the embedded
    database, which is a null ``database_url`` too. ``environ`` is the mapping that all this was
    read from.
    """

    database_url: Secret | None
    names_embedded: bool = False
    twilio: TwilioSettings | None = None
    smtp: SmtpSettings | None = None
    email: EmailSettings = field(default_factory=EmailSettings)
    mailbox: MailboxSettings | None = None
    missing: Mapping[Channel, tuple[str, ...]] = field(default_factory=dict)
    default_region: str | None = None
    text_countries: frozenset[str] | None = None
    max_per_hour: int | None = None
    only_to: OnlyTo | None = None
    ping_url: Secret | None = None
    data_dir: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read all variables. Raises InputError, naming the variable, for a malformed one."""
        values = {name: text.strip() for name, text in environ.items() if text.strip()}
        database_url = values.get("DATABASE_URL")
        names_embedded = database_url == EMBEDDED
        if names_embedded:
            database_url = None
        if database_url is not None:
            urls.check_database_url("DATABASE_URL", database_url)
        server = smtp.smtp_settings(values)
        email = email_variables.email_settings(values)
        data_dir = values.get("FLOWCTL_DATA_DIR")
        return cls(
            database_url=None if database_url is None else Secret(database_url),
            names_embedded=names_embedded,
            twilio=twilio.twilio_settings(values),
            smtp=None if email.sender is None else server,
            email=email,
            mailbox=mailbox.mailbox_settings(values),
            missing={
                Channel.EMAIL: tuple(n for n in ("SMTP_URL", "EMAIL_FROM") if n not in values),
                Channel.TEXT: twilio.missing_variables(values),
            },
            default_region=_default_region(values),
            text_countries=_text_countries(values),
            max_per_hour=_max_per_hour(values),
            ping_url=_ping_url(values),
            only_to=only_to(values.get("FLOWCTL_ONLY_TO"), _default_region(values)),
            data_dir=None if data_dir is None else Path(data_dir).expanduser().absolute(),
            environ=environ,
        )


def _default_region(values: Mapping[str, str]) -> str | None:
    region = values.get("FLOWCTL_DEFAULT_REGION")
    return None if region is None else _country("FLOWCTL_DEFAULT_REGION", region)


def _text_countries(values: Mapping[str, str]) -> frozenset[str] | None:
    codes = re.findall(r"[^\s,]+", values.get("FLOWCTL_TEXT_COUNTRIES", ""))
    return frozenset(_country("FLOWCTL_TEXT_COUNTRIES", code) for code in codes) or None


def _country(variable: str, code: str) -> str:
    if not address.is_region(code.upper()):
        raise InputError(
            f"{variable} holds what is not a country: {code[:20]!r}",
            hint="give ISO 3166 codes of two letters, such as US, CA or GB",
        )
    return code.upper()


def _ping_url(values: Mapping[str, str]) -> Secret | None:
    url = values.get("FLOWCTL_PING_URL")
    if url is None:
        return None
    urls.check_web_address("FLOWCTL_PING_URL", url)
    return Secret(url)


def _max_per_hour(values: Mapping[str, str]) -> int | None:
    text = values.get("FLOWCTL_MAX_PER_HOUR")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise InputError(
            f"FLOWCTL_MAX_PER_HOUR is not a whole number of 1 or more: {text[:20]!r}",
            hint="unset it for no limit",
        )
    return int(text)
