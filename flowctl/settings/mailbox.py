"""The mailbox that mail comes back to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flowctl.errors import InputError
from flowctl.settings.secret import Secret
from flowctl.settings.urls import is_loopback, parse_server_url

_EXAMPLE = "imaps://user:password@imap.example.com/INBOX"
_PORTS = {"imaps": 993, "imap": 143}


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """A folder of an IMAP account.

    ``tls``: ``implicit`` (imaps), ``starttls`` (required and verified), or ``none``: loopback only.
    """

    host: str
    port: int
    username: str
    password: Secret
    folder: str
    tls: Literal["implicit", "starttls", "none"]
    cafile: Path | None


def mailbox_settings(values: Mapping[str, str]) -> MailboxSettings | None:
    """The mailbox, or null where none is set. Raises InputError for a malformed ``MAILBOX_URL``."""
    if "MAILBOX_URL" not in values:
        return None
    url = parse_server_url("MAILBOX_URL", values["MAILBOX_URL"], example=_EXAMPLE, with_path=True)
    if url.scheme not in _PORTS:
        raise InputError(
            "MAILBOX_URL begins with neither imaps:// nor imap://", hint=f"write it like {_EXAMPLE}"
        )
    if url.parameters.keys() - {"cafile"}:
        # Which one is not said: with an unescaped ? in it, it could be a piece of the password.
        raise InputError(
            "MAILBOX_URL has an unknown parameter after the ?", hint="known is cafile=FILE"
        )
    if not url.username or not url.password:
        raise InputError("MAILBOX_URL has no user or no password", hint=f"write it like {_EXAMPLE}")
    cafile = url.parameters.get("cafile")
    tls: Literal["implicit", "starttls", "none"] = "starttls"
    if url.scheme == "imaps":
        tls = "implicit"
    elif is_loopback(url.host) and cafile is None:
        tls = "none"
    return MailboxSettings(
        host=url.host,
        port=url.port or _PORTS[url.scheme],
        username=url.username,
        password=Secret(url.password),
        folder=url.path or "INBOX",
        tls=tls,
        cafile=None if cafile is None else Path(cafile).expanduser(),
    )
