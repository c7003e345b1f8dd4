"""The addresses of the server's name, which takes a thread to find out: asking blocks."""

import logging
import socket
from collections.abc import Callable
from math import inf
from threading import Thread
from typing import Any

from flowctl.clock import Clock
from flowctl.transports.smtp.session import NOTHING, SmtpSession, Steps

log = logging.getLogger(__name__)

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""As ``socket.getaddrinfo`` gives them."""

OnAnswer = Callable[[], None]
"""Told, in another thread, that who waits for nothing else may go on."""

REMEMBERED = 30.0
"""Seconds for which an answer is taken for the next connections, too."""


def look_up(host: str, port: int) -> list[Address]:
    """Ask the system. Raises OSError."""
    # of a text Python asks its tables of other scripts first, which takes longest of all to load
    name = host.encode() if host.isascii() else host
    try:
        return list(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
    except UnicodeError as error:
        raise OSError(f"{host} is not a host name") from error


class _Asking:
    """A question on its way; its answer is null while there is none."""

    answer: list[Address] | OSError | None = None


class Names:
    """Finds the addresses of one host, and remembers them for a while.

    Without ``on_answer`` asking blocks the thread that wants to know.
    """

    def __init__(
        self, host: str, port: int, clock: Clock, on_answer: OnAnswer | None = None
    ) -> None:
        self._host = host
        self._port = port
        self._clock = clock
        self._on_answer = on_answer
        self._asking: _Asking | None = None
        self._known: list[Address] = []
        self._until = -inf

    def addresses(self, session: SmtpSession) -> Steps[list[Address]]:
        """The host's addresses, for a session that waits for nothing else. Raises OSError."""
        if self._clock.monotonic() < self._until:
            return self._known
        asking = self._asking
        if asking is None:
            self._asking = asking = _Asking()
            self._start(asking)
        session.deadline = inf  # the system's resolver has limits of its own
        while asking.answer is None:
            yield NOTHING
        if asking is self._asking:
            self._asking = None
            if not isinstance(asking.answer, OSError):
                self._known = asking.answer
                self._until = self._clock.monotonic() + REMEMBERED
        if isinstance(asking.answer, OSError):
            raise asking.answer
        return asking.answer

    def forget(self) -> None:
        """Ask again for the next connection: none of these addresses answered."""
        self._until = -inf

    def _start(self, asking: _Asking) -> None:
        if self._on_answer is None:
            self._ask(asking)
        else:
            Thread(target=self._ask, args=(asking,), name="smtp-name", daemon=True).start()

    def _ask(self, asking: _Asking) -> None:
        try:
            asking.answer = look_up(self._host, self._port)
        except OSError as error:
            asking.answer = error
        except Exception as bug:
            # nobody shall wait for ever
            log.exception("looking up the SMTP server")
            asking.answer = OSError(f"{self._host} cannot be looked up: {type(bug).__name__}")
        if self._on_answer is not None:
            self._on_answer()
