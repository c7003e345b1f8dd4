"""One connection to a submission server, which knows at what stage it was lost.

Nothing here blocks. What takes time is a generator (``Steps``): it gives the event to wait for and
goes on when that is there, so that one thread talks over many connections. Who drives it throws
TimeoutError into it when ``deadline`` has passed.
"""

import contextlib
import re
import socket
import ssl
from collections.abc import Generator
from selectors import EVENT_READ, EVENT_WRITE
from typing import TypeVar

from flowctl.clock import Clock
from flowctl.settings import SmtpSettings
from flowctl.transports.smtp.replies import Reply, Stage
from flowctl.transports.smtp.timeouts import Timeouts

Result = TypeVar("Result")

Steps = Generator[int, None, Result]
"""``EVENT_READ`` or ``EVENT_WRITE`` of the session's socket, or ``NOTHING``, and then the result.

Raises OSError when the connection is lost, or a deadline passes.
"""

NOTHING = 0
"""The event of who is told in another way when to go on."""

_BLOCK = 4096
_LONGEST_REPLY = 65536
_MOST_LINES = 500
_MOST_RESETS = 3
_GOODBYE = 2.0
"""Seconds for QUIT."""

_REPLY = re.compile(rb"((?:\d{3}-[^\n]*\n)*)(?!\d{3}-)([^\n]*)\n")
"""The lines before the last one, which has the code that counts (RFC 5321 section 4.2.1)."""


class Disconnected(OSError):
    """The server closed the connection, or says what nobody can follow."""


class SmtpSession:
    """A place for a connection, which is opened (``opening``), used, and opened again.

    ``stage`` is how far it has come, ``deadline`` until when what is waited for may take.
    ``messages`` were begun over the connection, and ``resets`` of them were refused halfway.
    ``extensions`` are what the server offers, in small letters, each with its parameters.
    """

    def __init__(
        self,
        settings: SmtpSettings,
        context: ssl.SSLContext | None,
        clock: Clock,
        timeouts: Timeouts,
    ) -> None:
        self.settings = settings
        self.timeouts = timeouts
        self.stage = Stage.CONNECT
        self.deadline = 0.0
        self.sock: socket.socket | None = None
        self.extensions: dict[str, str] = {}
        self.is_in_transaction = False
        self.messages = 0
        self.resets = 0
        self._context = context
        self._clock = clock
        self._unread = b""

    @property
    def is_open(self) -> bool:
        """Whether the connection is there, as far as we know."""
        return self.sock is not None

    @property
    def is_spent(self) -> bool:
        """Whether it is to be renewed: servers slow down or end a connection that is used long."""
        return self.messages >= self.settings.mails or self.resets >= _MOST_RESETS

    def allow(self, seconds: float) -> None:
        """Let what follows take so long."""
        self.deadline = self._clock.monotonic() + seconds

    def use(self, connection: socket.socket) -> None:
        """Talk over a new connection, of which nothing is known yet."""
        connection.settimeout(0)
        self.sock = connection
        self._unread = b""
        self.extensions = {}
        self.is_in_transaction = False
        self.messages = self.resets = 0

    def start_tls(self) -> Steps[None]:
        """Talk encrypted, to whom the certificate names; nothing said before counts any more."""
        assert self._context is not None  # noqa: S101  # null only where no TLS is wanted
        self.sock = connection = self._context.wrap_socket(
            self._there(), server_hostname=self.settings.host, do_handshake_on_connect=False
        )
        while True:
            try:
                connection.do_handshake()
                break
            except ssl.SSLWantReadError:
                yield EVENT_READ
            except ssl.SSLWantWriteError:
                yield EVENT_WRITE
        self._unread = b""
        self.extensions = {}

    def asked(self, command: str) -> Steps[Reply]:
        """The reply to a command."""
        yield from self.writing(f"{command}\r\n".encode())
        return (yield from self.reply())

    def writing(self, data: bytes) -> Steps[None]:
        """Write all of it."""
        left: bytes | memoryview = data
        while left:
            try:
                sent = self._there().send(left)
            except (BlockingIOError, ssl.SSLWantWriteError):
                yield EVENT_WRITE
            except ssl.SSLWantReadError:
                yield EVENT_READ
            else:
                left = memoryview(left)[sent:]

    def reply(self) -> Steps[Reply]:
        """Read one reply, of one line or several; its code is -1 if it is none."""
        while (found := _REPLY.match(self._unread)) is None:
            is_long = len(self._unread) > _LONGEST_REPLY
            if is_long or self._unread.count(b"\n") > _MOST_LINES:
                raise Disconnected("the server's reply does not end")
            chunk = yield from self._received()
            if not chunk:
                raise Disconnected("the server closed the connection")
            self._unread += chunk
        self._unread = self._unread[found.end() :]
        before, last = found.groups()
        code = int(last[:3]) if last[:3].isdigit() else -1
        text = last[4:].strip()
        if before:
            text = b"\n".join((*(line[4:].strip() for line in before.split(b"\n")[:-1]), text))
        return Reply(code, text.decode("utf-8", "replace"))

    def goodbye(self) -> Steps[None]:
        """Say it, if the server still listens, and close.

        The server closes first (RFC 5321 section 4.1.1.10): then it counts the connection no more.
        """
        with contextlib.suppress(OSError):
            self.allow(_GOODBYE)
            yield from self.writing(b"QUIT\r\n")
            while (yield from self._received()):
                """Until it is closed."""
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        connection, self.sock = self.sock, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def _received(self) -> Steps[bytes]:
        """What comes next; nothing at the end."""
        connection = self._there()
        if not isinstance(connection, ssl.SSLSocket):
            yield EVENT_READ  # what was read already has been looked at, and more is seldom there
        while True:
            try:
                return connection.recv(_BLOCK)
            except (BlockingIOError, ssl.SSLWantReadError):
                yield EVENT_READ
            except ssl.SSLWantWriteError:
                yield EVENT_WRITE

    def _there(self) -> socket.socket:
        if self.sock is None:
            raise Disconnected("the connection is closed")
        return self.sock
