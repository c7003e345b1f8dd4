"""One connection to a submission server, which knows at what stage it was lost.

The standard library's client raises the same exception for a connection lost before the message and
after it, waits for ever unless told otherwise, and verifies no certificate. Here every wait ends,
TLS is verified or refused, and ``stage`` says what had been said when it ended.
"""

import base64
import contextlib
import re
import smtplib
import socket
import ssl

from flowctl.clock import Clock
from flowctl.settings import SmtpSettings
from flowctl.settings.urls import is_loopback
from flowctl.transports.smtp.replies import CLOSING, Reply, Stage
from flowctl.transports.smtp.timeouts import Timeouts

_DOT_AT_LINE_START = re.compile(rb"(?m)^\.")
_LONGEST_REPLY = 65536
_MOST_LINES = 500
_READY_FOR_TEXT = 354
_GO_ON = 334
_BLOCK = 65536
_MOST_RESETS = 3
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


class SmtpSession(smtplib.SMTP):
    """A connection, from :meth:`open` on; not to be used by two threads at once.

    ``stage`` is how far it has come.
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
        self._unread = b""
        self._in_transaction = False
        self._messages = 0
        self._resets = 0

    @property
    def is_open(self) -> bool:
        """Whether the connection is there, as far as we know."""
        return self.sock is not None

    @property
    def is_spent(self) -> bool:
        """Whether it is to be renewed: servers slow down or end a connection that is used long."""
        return self._messages >= self._settings.mails or self._resets >= _MOST_RESETS

    def open(self, hello_name: str) -> None:
        """Connect, start TLS where it is wanted, and log in.

        Raises SessionRefused, SessionUnusable, ``smtplib.SMTPException`` and OSError.
        """
        self.local_hostname = hello_name
        self.sock = self._connected()
        self._allow(self._timeouts.command)
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

    def deliver(self, sender: str, recipient: str, content: bytes, envelope_id: str) -> Reply:
        """Hand over one message; the first reply that is not positive, or the last one.

        Where the server can report on it (RFC 3461), reports of failure and delay are asked for,
        without the message's text and with ``envelope_id`` in them.

        Raises ``smtplib.SMTPNotSupportedError`` for what the server said it does not take: a
        recipient that needs SMTPUTF8 (RFC 6531), a message above its SIZE (RFC 1870). Raises
        ``smtplib.SMTPException`` and OSError when the connection is lost: only with ``stage`` at
        ``HANDED_OVER`` may the message have been accepted.
        """
        self.stage = Stage.MAIL
        self._check_size(len(content))
        self._end_transaction()
        options = [f"size={len(content)}"] if self.has_extn("size") else []
        options += [] if recipient.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        reports = self.has_extn("dsn")
        options += ["RET=HDRS", f"ENVID={envelope_id}"] if reports else []
        self._allow(self._timeouts.command)
        reply = self._reply(self.mail(sender, options))
        if reply.is_positive:
            self._in_transaction = True
            self._messages += 1
            self.stage = Stage.RCPT
            self._allow(self._timeouts.command)
            notify = ["NOTIFY=FAILURE,DELAY"] if reports else []
            reply = self._reply(self.rcpt(recipient, notify))
        if reply.is_positive:
            self.stage = Stage.DATA
            self._allow(self._timeouts.data)
            reply = self._reply(self.docmd("DATA"))
        if reply.code == _READY_FOR_TEXT and self.stage is Stage.DATA:
            reply = self._deliver_text(content)
        if reply.code == CLOSING or reply.code < 0:
            self.close()
        return reply

    def quit_quietly(self) -> None:
        """Say goodbye, if the server still listens, and close."""
        with contextlib.suppress(smtplib.SMTPException, OSError):
            self._allow(_GOODBYE)
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
        while line[3:4] == b"-" and line[:3].isdigit():
            line = self._read_line()
            lines.append(line[4:].strip())
            if len(lines) > _MOST_LINES:
                raise smtplib.SMTPServerDisconnected("the server's reply does not end")
        code = int(line[:3]) if line[:3].isdigit() else -1
        return code, b"\n".join(lines)

    def close(self) -> None:
        """Drop the connection."""
        self._unread = b""
        with contextlib.suppress(OSError):
            super().close()

    def _check_size(self, size: int) -> None:
        """Refuse what the server would only refuse after MAIL, some with a login's code."""
        largest = self.esmtp_features.get("size", "")
        if largest.isdecimal() and 0 < int(largest) < size:
            raise smtplib.SMTPNotSupportedError(
                f"the message has {size} bytes, the SMTP server takes at most {largest}"
            )

    def _end_transaction(self) -> None:
        """RSET after a message that was refused halfway; a connection that does not heed it ends.

        Servers count them, so a connection is renewed after a few.
        """
        if self._in_transaction:
            self._allow(self._timeouts.command)
            self._resets += 1
            if not self._reply(self.rset()).is_positive:
                self.close()
            self._in_transaction = False

    def _deliver_text(self, content: bytes) -> Reply:
        quoted = _DOT_AT_LINE_START.sub(b"..", content)
        quoted += b".\r\n" if quoted.endswith(b"\r\n") else b"\r\n.\r\n"
        self.stage = Stage.TEXT
        # If this fails, its last byte was not written, and without it no server takes the message.
        for start in range(0, len(quoted), _BLOCK):
            self._allow(self._timeouts.block)
            self.send(quoted[start : start + _BLOCK])
        self.stage = Stage.HANDED_OVER
        self._allow(self._timeouts.final)
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
                connection.settimeout(self._timeouts.connect)
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
        self._expect(reply.without(said_back))

    def _expect(self, reply: Reply) -> None:
        if not reply.is_positive:
            raise SessionRefused(self.stage, reply)

    def _allow(self, seconds: float) -> None:
        """Let what follows take so long."""
        self._deadline = self._clock.monotonic() + seconds

    def _time_left(self) -> float:
        """Seconds that the next call may take. Raises TimeoutError when there are none."""
        left = self._deadline - self._clock.monotonic()
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
