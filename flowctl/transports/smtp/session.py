"""One connection to a submission server, which knows at what stage it was lost.

The standard library's client raises the same exception for a connection lost before the message and
after it, waits for ever unless told otherwise, and verifies no certificate. Here every wait ends,
TLS is verified or refused, and ``stage`` says what had been said when it ended.

Opening a session blocks its thread. An open one is driven without blocking (``delivery``).
"""

import base64
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Generator, Iterator
from selectors import EVENT_READ, EVENT_WRITE

from flowctl.clock import Clock
from flowctl.settings import SmtpSettings
from flowctl.settings.urls import is_loopback
from flowctl.transports.smtp.replies import Reply, Stage
from flowctl.transports.smtp.timeouts import Timeouts

_LONGEST_REPLY = 65536
_MOST_LINES = 500
_GO_ON = 334
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

    ``stage`` is how far it has come, ``deadline`` until when what is waited for may take.
    ``messages`` were begun over it, and ``resets`` of them were refused halfway.
    """

    def __init__(
        self, settings: SmtpSettings, context: ssl.SSLContext, clock: Clock, timeouts: Timeouts
    ) -> None:
        super().__init__(local_hostname="localhost")
        self.stage = Stage.CONNECT
        self._settings = settings
        self._context = context
        self._clock = clock
        self.timeouts = timeouts
        self.deadline = 0.0
        self._unread = b""
        self._is_blocking = True
        self.is_in_transaction = False
        self.messages = 0
        self.resets = 0

    @property
    def is_open(self) -> bool:
        """Whether the connection is there, as far as we know."""
        return self.sock is not None

    @property
    def is_spent(self) -> bool:
        """Whether it is to be renewed: servers slow down or end a connection that is used long."""
        return self.messages >= self._settings.mails or self.resets >= _MOST_RESETS

    def open(self, hello_name: str) -> None:
        """Connect, start TLS where it is wanted, and log in.

        Raises SessionRefused, SessionUnusable, ``smtplib.SMTPException`` and OSError.
        """
        self.local_hostname = hello_name
        self.sock = self._connected()
        self.allow(self.timeouts.command)
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
        self._there().settimeout(0)
        self._is_blocking = False

    def quit_quietly(self) -> None:
        """Say goodbye, if the server still listens, and close.

        The server closes first (RFC 5321 section 4.1.1.10): then it counts the connection no more.
        """
        with contextlib.suppress(smtplib.SMTPException, OSError):
            self.allow(_GOODBYE)
            self.docmd("QUIT")
            while self._wait_at_most().recv(4096):
                """Until it is closed."""
        self.close()

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Write a command before the deadline; ``smtplib`` writes all of them through this."""
        self._wait_at_most()
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply, of one line or several, before the deadline; -1 if it is none."""
        steps = self._reading()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                code, text = end.value
                return int(code), bytes(text)

    def writing(self, data: bytes) -> Iterator[int]:
        """Write to an open session without blocking: gives the event to wait for, while any."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._there().send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                yield EVENT_WRITE
            except ssl.SSLWantReadError:
                yield EVENT_READ

    def reply(self) -> Generator[int, None, Reply]:
        """Read one reply without blocking: gives the event to wait for, while any."""
        return self._reply((yield from self._reading()))

    def allow(self, seconds: float) -> None:
        """Let what follows take so long."""
        self.deadline = self._clock.monotonic() + seconds

    def close(self) -> None:
        """Drop the connection."""
        self._unread = b""
        with contextlib.suppress(OSError):
            super().close()

    def _reading(self) -> Generator[int, None, tuple[int, bytes]]:
        line = yield from self._line()
        lines = [line[4:].strip()]
        while line[3:4] == b"-" and line[:3].isdigit():
            line = yield from self._line()
            lines.append(line[4:].strip())
            if len(lines) > _MOST_LINES:
                raise smtplib.SMTPServerDisconnected("the server's reply does not end")
        code = int(line[:3]) if line[:3].isdigit() else -1
        return code, b"\n".join(lines)

    def _line(self) -> Generator[int, None, bytes]:
        while b"\n" not in self._unread:
            try:
                chunk = (self._wait_at_most() if self._is_blocking else self._there()).recv(4096)
            except (BlockingIOError, ssl.SSLWantReadError):
                yield EVENT_READ
                continue
            except ssl.SSLWantWriteError:
                yield EVENT_WRITE
                continue
            if not chunk:
                raise smtplib.SMTPServerDisconnected("the server closed the connection")
            self._unread += chunk
            if len(self._unread) > _LONGEST_REPLY:
                raise smtplib.SMTPServerDisconnected("the server's reply does not end")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

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
                connection.settimeout(self.timeouts.connect)
                connection.connect(address)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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

    def _time_left(self) -> float:
        """Seconds that the next call may take. Raises TimeoutError when there are none."""
        left = self.deadline - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def _there(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        return self.sock

    def _wait_at_most(self) -> socket.socket:
        """The socket, which waits until the deadline from now on."""
        connection = self._there()
        connection.settimeout(self._time_left())
        self._is_blocking = True
        return connection

    @staticmethod
    def _reply(answer: tuple[int, bytes]) -> Reply:
        code, text = answer
        return Reply(code, text.decode("utf-8", "replace"))
