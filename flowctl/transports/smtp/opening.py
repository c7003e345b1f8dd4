"""Opening a session: connect, greeting, EHLO, TLS, login (RFC 5321, RFC 3207, RFC 4954)."""

import base64
import errno
import os
import re
import socket
from collections.abc import Sequence
from selectors import EVENT_WRITE

from flowctl.settings.urls import is_loopback
from flowctl.transports.smtp.names import Address
from flowctl.transports.smtp.replies import Reply, Stage
from flowctl.transports.smtp.session import SmtpSession, Steps

_GO_ON = 334
_OLD_AUTH = re.compile(r"auth=(.*)", re.IGNORECASE)
"""As it was written before there was a standard, and some servers still do beside it."""
_EXTENSION = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(.*)")


class SessionRefused(Exception):
    """The server refused the session before any message; ``reply`` is its word."""

    def __init__(self, stage: Stage, reply: Reply) -> None:
        super().__init__(reply.text)
        self.stage = stage
        self.reply = reply


class SessionUnusable(Exception):
    """The server cannot do what a session of ours needs; the text says what."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage


def opening(session: SmtpSession, addresses: Sequence[Address], hello_name: str) -> Steps[None]:
    """Connect, start TLS where it is wanted, and log in.

    Raises SessionRefused, SessionUnusable and OSError.
    """
    session.stage = Stage.CONNECT
    yield from _connect(session, addresses)
    settings = session.settings
    session.allow(session.timeouts.command)
    if settings.tls == "implicit":
        session.stage = Stage.TLS
        yield from session.start_tls()
    session.stage = Stage.GREETING
    _expect(session, (yield from session.reply()))
    yield from _hello(session, hello_name)
    if settings.tls == "starttls":
        yield from _upgrade(session)
        yield from _hello(session, hello_name)
    if settings.password is not None:
        yield from _log_in(session)


def _connect(session: SmtpSession, addresses: Sequence[Address]) -> Steps[None]:
    """To the first of the host's addresses that answers."""
    failure = OSError(f"{session.settings.host} has no address")
    for family, kind, protocol, _, address in addresses:
        session.allow(session.timeouts.connect)
        try:
            connection = socket.socket(family, kind, protocol)
            session.use(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            error = connection.connect_ex(address)
            if error == errno.EINPROGRESS:
                yield EVENT_WRITE
                error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError as one_failure:
            failure = one_failure
        else:
            if not error:
                return
            failure = OSError(error, os.strerror(error))
        session.close()
    raise failure


def _hello(session: SmtpSession, name: str) -> Steps[None]:
    session.stage = Stage.HELLO
    reply = yield from session.asked(f"EHLO {name}")
    if reply.is_positive:
        session.extensions = _extensions(reply.text)
    else:
        _expect(session, (yield from session.asked(f"HELO {name}")))


def _extensions(text: str) -> dict[str, str]:
    """What the reply to EHLO offers; its first line is the server's name."""
    found: dict[str, str] = {}
    for line in text.split("\n")[1:]:
        old = _OLD_AUTH.match(line)
        name, parameters = ("auth", old[1]) if old else ("", "")
        if not old and (extension := _EXTENSION.match(line)):
            name, parameters = extension[1].lower(), extension[2].strip()
        if name == "auth":
            parameters = f"{found.get(name, '')} {parameters}"
        if name:
            found[name] = parameters
    return found


def _upgrade(session: SmtpSession) -> Steps[None]:
    """STARTTLS, or nothing: what it would protect is never sent without it (RFC 3207)."""
    session.stage = Stage.TLS
    if "starttls" not in session.extensions:
        raise SessionUnusable(session.stage, "the server offers no STARTTLS")
    _expect(session, (yield from session.asked("STARTTLS")))
    yield from session.start_tls()


def _log_in(session: SmtpSession) -> Steps[None]:
    """PLAIN or LOGIN in UTF-8 (RFC 4616)."""
    session.stage = Stage.AUTH
    settings = session.settings
    if settings.tls == "none" and not is_loopback(settings.host):
        raise SessionUnusable(session.stage, "no password is sent without TLS")
    user = (settings.username or "").encode()
    password = b"" if settings.password is None else settings.password.reveal().encode()
    plain = base64.b64encode(b"\0" + user + b"\0" + password).decode()
    offered = session.extensions.get("auth", "").upper().split()
    if "PLAIN" in offered:
        reply = yield from session.asked(f"AUTH PLAIN {plain}")
    elif "LOGIN" in offered:
        reply = yield from session.asked("AUTH LOGIN")
        for word in (user, password):
            if reply.code == _GO_ON:
                reply = yield from session.asked(base64.b64encode(word).decode())
    else:
        raise SessionUnusable(session.stage, "the server offers no login by PLAIN or LOGIN")
    secrets = (password.decode(), base64.b64encode(password).decode(), plain)
    _expect(session, reply.without(secrets))


def _expect(session: SmtpSession, reply: Reply) -> None:
    if not reply.is_positive:
        raise SessionRefused(session.stage, reply)
