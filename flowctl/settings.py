"""Secrets and addresses of the outside world, read once from a mapping (the environment).

Nobody else reads ``os.environ``. The credentials of a channel are asked for only by the channel that
sends: a missing Twilio token does not stop an email.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from flowctl.errors import InputError


class Secret:
    """A string that never shows: not in ``repr``, not in ``str``, not in a traceback's locals."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """An account and a sender. ``username`` is the account SID or an API key's SID (``SK...``)."""

    account_sid: str
    username: str
    password: Secret
    from_number: str | None
    messaging_service_sid: str | None
    api_url: str | None


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """A submission server.

    ``tls``: ``implicit`` (smtps), ``starttls`` (required and verified), or ``none`` (loopback hosts,
    or ``?starttls=never``). ``unsubscribe`` and ``headers`` are templates with ``{message_id}``,
    ``{lead_id}`` and ``{email}``.
    """

    host: str
    port: int
    username: str | None
    password: Secret | None
    tls: str
    cafile: Path | None
    sender: str
    reply_to: str | None
    unsubscribe: str | None
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the environment says; see README, "Configuration". ``twilio`` and ``smtp`` are null
    where their channel is not configured."""

    database_url: Secret | None
    twilio: TwilioSettings | None = None
    smtp: SmtpSettings | None = None
    default_region: str | None = None
    text_countries: frozenset[str] | None = None
    max_per_hour: int | None = None
    data_dir: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
