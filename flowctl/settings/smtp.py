"""The server that emails are handed to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flowctl.errors import InputError
from flowctl.settings.secret import Secret
from flowctl.settings.urls import ServerUrl, is_loopback, parse_server_url

_EXAMPLE = "smtps://user:password@smtp.example.com:465"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """A submission server.

    ``tls``: ``implicit`` (smtps), ``starttls`` (required and verified), or ``none`` (loopback
    hosts, or ``?starttls=never``). A password is never there together with ``none`` off loopback.
    ``mails``: messages after which a connection is renewed.
    """

    host: str
    port: int
    username: str | None
    password: Secret | None
    tls: Literal["implicit", "starttls", "none"]
    cafile: Path | None
    mails: int = 10


def smtp_settings(values: Mapping[str, str]) -> SmtpSettings | None:
    """The server, or null where none is set. Raises InputError for a malformed ``SMTP_URL``."""
    if "SMTP_URL" not in values:
        return None
    url = parse_server_url("SMTP_URL", values["SMTP_URL"], example=_EXAMPLE)
    if url.scheme not in {"smtp", "smtps"}:
        raise InputError(
            "SMTP_URL begins with neither smtps:// nor smtp://", hint=f"write it like {_EXAMPLE}"
        )
    if url.parameters.keys() - {"starttls", "cafile", "mails"}:
        # Which one is not said: with an unescaped ? in it, it could be a piece of the password.
        raise InputError(
            "SMTP_URL has an unknown parameter after the ?",
            hint="known are starttls=never, cafile=FILE and mails=N",
        )
    cafile = url.parameters.get("cafile")
    tls = _tls(url, with_ca=cafile is not None)
    if bool(url.username) != bool(url.password):
        raise InputError(
            "SMTP_URL has a user without a password, or a password without a user",
            hint=f"write {_EXAMPLE}",
        )
    if url.password and tls == "none" and not is_loopback(url.host):
        raise InputError(
            "SMTP_URL has a password and ?starttls=never: it would cross the network in clear text",
            hint="leave out ?starttls=never, or the user and the password",
        )
    return SmtpSettings(
        host=url.host,
        port=url.port or (465 if tls == "implicit" else 587),
        username=url.username or None,
        password=Secret(url.password) if url.password else None,
        tls=tls,
        cafile=None if cafile is None else Path(cafile).expanduser(),
        mails=_mails(url),
    )


def _mails(url: ServerUrl) -> int:
    """Exim puts the eleventh message of a connection off to its next queue run."""
    written = url.parameters.get("mails", "10")
    if not re.fullmatch(r"[0-9]{1,6}", written) or int(written) == 0:
        raise InputError(
            "SMTP_URL has a mails that is not a whole number of 1 or more",
            hint="leave it out to renew a connection after 10 messages",
        )
    return int(written)


def _tls(url: ServerUrl, *, with_ca: bool) -> Literal["implicit", "starttls", "none"]:
    wish = url.parameters.get("starttls")
    if wish not in {None, "never"}:
        raise InputError(
            "SMTP_URL has a starttls other than never", hint="leave it out to have TLS"
        )
    if url.scheme == "smtps":
        if wish is not None:
            raise InputError("SMTP_URL is smtps:// and says starttls", hint="leave ?starttls out")
        return "implicit"
    # On loopback a CA is a wish for TLS; without one a local relay's home-made certificate is fine.
    if wish == "never" or (is_loopback(url.host) and not with_ca):
        return "none"
    return "starttls"
