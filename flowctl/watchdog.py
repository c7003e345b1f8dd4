"""An end for statements whose answer does not come: a proxy that stops forwarding says nothing."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread

from flowctl.clock import Clock

CHECK_INTERVAL = 1.0
"""Seconds between two looks at what is being waited for."""


class Watchdog:
    """Shuts the socket of a connection that has been waited for longer than ``limit()`` seconds.

    Whoever waits then has the error of a lost connection. TCP cannot tell: it is the proxy that
    answers for the server.
    """

    def __init__(self, clock: Clock, limit: Callable[[], float]) -> None:
        self._clock = clock
        self._limit = limit
        self._lock = Lock()
        self._watched: tuple[int, float] | None = None
        self._closed = Event()
        self._thread: Thread | None = None

    @contextmanager
    def watching(self, descriptor: int) -> Iterator[None]:
        """While the block runs, its use of the socket is timed."""
        if self._thread is None:
            self._thread = Thread(target=self._watch, name="watchdog", daemon=True)
            self._thread.start()
        with self._lock:
            self._watched = descriptor, self._clock.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._watched = None

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(CHECK_INTERVAL):
            with self._lock:
                if self._watched is None:
                    continue
                descriptor, since = self._watched
                if self._clock.monotonic() - since <= self._limit():
                    continue
                self._watched = None
                # under the lock, so that the number is still that connection's
                with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as line:
                    line.shutdown(socket.SHUT_RDWR)
