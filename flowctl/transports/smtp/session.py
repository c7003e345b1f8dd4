"""One connection to a submission server, which knows at what stage it was lost.

The standard library's client raises the same exception for a connection lost before the message and
after it, waits for ever unless told otherwise, and verifies no certificate. Here every wait ends at
a deadline, TLS is verified or refused, and ``stage`` says what had been said when it ended.
"""

import base64
import contextlib
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass

from flowctl.clock import Clock
from flowctl.settings import SmtpSettings
from flowctl.settings.urls import is_loopback
from flowctl.transports.smtp.replies import CLOSING, Reply, Stage

_DOT_AT_LINE_START = re.compile(rb"(?m)^\.")
_LONGEST_REPLY = 65536
_MOST_LINES = 500
_READY_FOR_TEXT = 354
_GO_ON = 334
_GOODBYE = 2.0
"""Seconds for QUIT."""


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


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait: ``step`` for one reply, ``handover`` for all up to the final dot, and
    ``final`` for the reply to that.

    RFC 5321 section 4.5.3.2.6 would wait 10 minutes for the last one, since giving up early can
    make a duplicate. Here it cannot: what had no answer is never sent again by itself.
    """

    step: float = 15.0
    handover: float = 30.0
    final: float = 60.0


class SmtpSession(smtplib.SMTP):
    """A connection, from :meth:`open` on; not to be used by two threads at once.

    ``stage`` is how far it has come. Deadlines are readings of the clock that it was made with.
    """

    def __init__(
        self, settings: SmtpSettings, context: ssl.SSLContext, clock: Clock, timeouts: Timeouts
    ) -> None:
        super().__init__(local_hostname="localhost")
        self.stage = Stage.CONNECT
        self._settings = settings
        self._context = context
        self._clock = clock
        self._timeouts = timeouts
        self._deadline = 0.0
        self._wait = timeouts.step
        self._unread = b""
        self._in_transaction = False

    @property
    def is_open(self) -> bool:
        """Whether the connection is there, as far as we know."""
        return self.sock is not None

    def open(self, hello_name: str, deadline: float) -> None:
        """Connect, start TLS where it is wanted, and log in.

        Raises SessionRefused, SessionUnusable, ``smtplib.SMTPException`` and OSError.
        """
        self.local_hostname = hello_name
        self._deadline, self._wait = deadline, self._timeouts.step
        self.sock = self._connected()
        if self._settings.tls == "implicit":
            self._start_tls()
        self.stage = Stage.GREETING
        self._expect(self._reply(self.getreply()))
        self._hello()
        if self._settings.tls == "starttls":
            self._upgrade()
            self._hello()
        if self._settings.password is not None:
            self._log_in()

    def deliver(self, sender: str, recipient: str, content: bytes, deadline: float) -> Reply:
        """Hand over one message; the first reply that is not positive, or the last one.

        Raises ``smtplib.SMTPNotSupportedError`` for a recipient that needs SMTPUTF8 (RFC 6531)
        where the server lacks it. Raises ``smtplib.SMTPException`` and OSError when the connection
        is lost: only with ``stage`` at ``HANDED_OVER`` may the message have been accepted.
        """
        self.stage = Stage.MAIL
        self._deadline, self._wait = deadline, self._timeouts.step
        if self._in_transaction and not self._reply(self.rset()).is_positive:
            self.close()
        options = [f"size={len(content)}"] if self.has_extn("size") else []
        options += [] if recipient.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        reply = self._reply(self.mail(sender, options))
        self._in_transaction = True
        if reply.is_positive:
            self.stage = Stage.RCPT
            reply = self._reply(self.rcpt(recipient))
        if reply.is_positive:
            self.stage = Stage.DATA
            reply = self._reply(self.docmd("DATA"))
        if reply.code == _READY_FOR_TEXT and self.stage is Stage.DATA:
            reply = self._deliver_text(content)
        if reply.code == CLOSING or reply.code < 0:
            self.close()
        return reply

    def quit_quietly(self) -> None:
        """Say goodbye, if the server still listens, and close."""
        with contextlib.suppress(smtplib.SMTPException, OSError):
            self._deadline = self._clock.monotonic() + _GOODBYE
            self.docmd("QUIT")
        self.close()

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Write a command before the deadline; ``smtplib`` writes all of them through this."""
        self._wait_at_most()
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply, of one line or several, before the deadline; -1 if it is none."""
        line = self._read_line()
        lines = [line[4:].strip()]
        while line[3:4] == b"-" and line[:3].isdigit() and len(lines) < _MOST_LINES:
            line = self._read_line()
            lines.append(line[4:].strip())
        code = int(line[:3]) if line[:3].isdigit() else -1
        return code, b"\n".join(lines)

    def close(self) -> None:
        """Drop the connection."""
        self._unread = b""
        with contextlib.suppress(OSError):
            super().close()

    def _deliver_text(self, content: bytes) -> Reply:
        quoted = _DOT_AT_LINE_START.sub(b"..", content)
        self.stage = Stage.TEXT
        self._wait_at_most()
        # If this fails, its last byte was not written, and without it no server takes the message.
        self.send(quoted + (b".\r\n" if quoted.endswith(b"\r\n") else b"\r\n.\r\n"))
        self.stage = Stage.HANDED_OVER
        self._wait = self._timeouts.final
        self._deadline = self._clock.monotonic() + self._timeouts.final
        reply = self._reply(self.getreply())
        self._in_transaction = False
        return reply

    def _connected(self) -> socket.socket:
        """A socket to the first of the host's addresses that answers."""
        host, port = self._settings.host, self._settings.port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            raise OSError(f"{host} is not a host name") from error
        failure = OSError(f"{host} has no address")
        for family, kind, protocol, _, address in found:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(self._time_left())
                connection.connect(address)
            except OSError as error:
                connection.close()
                failure = error
            else:
                return connection
        raise failure

    def _hello(self) -> None:
        self.stage = Stage.HELLO
        self.ehlo_or_helo_if_needed()

    def _upgrade(self) -> None:
        """STARTTLS, or nothing: what it would protect is never sent without it (RFC 3207)."""
        self.stage = Stage.TLS
        if not self.has_extn("starttls"):
            raise SessionUnusable(self.stage, "the server offers no STARTTLS")
        self._expect(self._reply(self.docmd("STARTTLS")))
        self._start_tls()
        # Nothing that was said in clear text counts any more.
        self._unread = b""
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def _start_tls(self) -> None:
        self.stage = Stage.TLS
        connection = self._wait_at_most()
        self.sock = self._context.wrap_socket(connection, server_hostname=self._settings.host)

    def _log_in(self) -> None:
        """PLAIN or LOGIN in UTF-8 (RFC 4616), which ``smtplib`` would only do in ASCII."""
        self.stage = Stage.AUTH
        settings = self._settings
        if settings.tls == "none" and not is_loopback(settings.host):
            raise SessionUnusable(self.stage, "no password is sent without TLS")
        user = (settings.username or "").encode()
        password = b"" if settings.password is None else settings.password.reveal().encode()
        plain = base64.b64encode(b"\0" + user + b"\0" + password).decode()
        offered = self.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            reply = self._reply(self.docmd("AUTH", f"PLAIN {plain}"))
        elif "LOGIN" in offered:
            reply = self._reply(self.docmd("AUTH", "LOGIN"))
            for word in (user, password):
                if reply.code == _GO_ON:
                    reply = self._reply(self.docmd(base64.b64encode(word).decode()))
        else:
            raise SessionUnusable(self.stage, "the server offers no login by PLAIN or LOGIN")
        said_back = (password.decode(), base64.b64encode(password).decode(), plain)
        self._expect(_without(reply, said_back))

    def _expect(self, reply: Reply) -> None:
        if not reply.is_positive:
            raise SessionRefused(self.stage, reply)

    def _time_left(self) -> float:
        """Seconds that the next call may take. Raises TimeoutError when there are none."""
        left = min(self._wait, self._deadline - self._clock.monotonic())
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def _wait_at_most(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self.sock.settimeout(self._time_left())
        return self.sock

    def _read_line(self) -> bytes:
        while b"\n" not in self._unread:
            chunk = self._wait_at_most().recv(4096)
            if not chunk:
                raise smtplib.SMTPServerDisconnected("the server closed the connection")
            self._unread += chunk
            if len(self._unread) > _LONGEST_REPLY:
                raise smtplib.SMTPServerDisconnected("the server's reply does not end")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    @staticmethod
    def _reply(answer: tuple[int, bytes]) -> Reply:
        code, text = answer
        return Reply(code, text.decode("utf-8", "replace"))


def _without(reply: Reply, secrets: tuple[str, ...]) -> Reply:
    """The reply, should the server have said back what nobody may see."""
    text = reply.text
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return Reply(reply.code, text)
