"""Waiting for another process, which can only be looked at again and again."""

import threading

from flowctl.clock import Clock, SystemClock

_PAUSE = 0.004
"""Seconds between two looks: a server is up in 25 ms."""


class Deadline:
    """So many seconds in all to wait for something."""

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._end = self._clock.monotonic() + seconds

    def pause(self) -> bool:
        """Wait a moment; false, without waiting, once the time is over."""
        if self._clock.monotonic() > self._end:
            return False
        threading.Event().wait(_PAUSE)
        return True
