"""Waiting for many sessions at once, and for a bell that other threads ring."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector, SelectorKey

from flowctl.clock import Clock
from flowctl.transports.smtp.session import Result, SmtpSession, Steps


class Watch:
    """Which event each session waits for. One thread uses it; :meth:`ring` is for all."""

    def __init__(self) -> None:
        self._selector = DefaultSelector()
        self._keys: dict[SmtpSession, SelectorKey] = {}
        self._ear, self._bell = socket.socketpair()
        for end in (self._ear, self._bell):
            end.settimeout(0)
        self._selector.register(self._ear, EVENT_READ)

    def until(self, session: SmtpSession, event: int) -> None:
        """Have ``wait`` give the session when its event is there; it has none without a socket."""
        key = self._keys.get(session)
        if key is None or key.fileobj is not session.sock:
            self.forget(session)
            if session.sock is not None and event:
                self._keys[session] = self._selector.register(session.sock, event, session)
        elif key.events != event:
            if event:
                self._keys[session] = self._selector.modify(key.fileobj, event, session)
            else:
                self.forget(session)

    def has(self, session: SmtpSession) -> bool:
        """Whether a session waits for an event."""
        return session in self._keys

    def forget(self, session: SmtpSession) -> None:
        """Watch a session no more."""
        key = self._keys.pop(session, None)
        if key is not None:
            self._selector.unregister(key.fileobj)

    def wait(self, seconds: float | None) -> Iterator[SmtpSession]:
        """Those whose event is there; none after so many seconds, or when the bell rings."""
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                self._ear.recv(4096)
            else:
                yield key.data

    def ring(self) -> None:
        """Have ``wait`` return; safe in a signal handler."""
        with suppress(OSError):  # it has not heard the last one yet, or never will
            self._bell.send(b"\0")

    def close(self) -> None:
        """Let go of what it is made of."""
        self._selector.close()
        self._ear.close()
        self._bell.close()


def drive(session: SmtpSession, steps: Steps[Result], clock: Clock) -> Result:
    """The result of steps for which this thread waits."""
    watch = Watch()
    try:
        event = next(steps)
        while True:
            watch.until(session, event)
            left = session.deadline - clock.monotonic()
            if left > 0 and any(watch.wait(left)):
                event = next(steps)
            else:
                event = steps.throw(TimeoutError("timed out"))
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        watch.close()
