"""The program's own clock, for pauses and progress only: what is due is decided by the database."""

import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock and a way to wait, so that tests need no sleeping."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()
