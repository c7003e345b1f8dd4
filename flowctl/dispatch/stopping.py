"""The wish to end a run, and how long it may still wait for a database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from flowctl.clock import Clock
from flowctl.reconnecting import STATEMENT_LIMIT

DATABASE_DEADLINE = 60.0
"""Seconds for which a dispatcher that was told to stop waits for a database that is away."""


STOPPING_LIMIT = 10.0
"""Seconds for which a dispatcher that was told to stop waits for the answer to a statement."""


class StopSignal:
    """Set once, from any thread or a signal handler; every wait of a run ends early by it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = Event()
        self._deadline: float | None = None

    def set(self) -> None:
        """Ask the run to end."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether the run was asked to end."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait so long or until the run is to end; returns whether it is."""
        return self._event.wait(seconds)

    def statement_limit(self) -> float:
        """Seconds for which a statement may be waited for."""
        return STOPPING_LIMIT if self._event.is_set() else STATEMENT_LIMIT

    def wait_for_database(self, seconds: float) -> bool:
        """Wait for a database that is away; false when a stopping run has waited long enough."""
        if not self._event.is_set():
            self._event.wait(seconds)
            return True
        now = self._clock.monotonic()
        self._deadline = self._deadline or now + DATABASE_DEADLINE
        if now < self._deadline:
            Event().wait(seconds)
        return now < self._deadline


@contextmanager
def ending_in_order(finish: Callable[[], None], close: Callable[[], None]) -> Iterator[None]:
    """``finish`` at the end of the block, also after an error; after what is not an error, the exit
    at a second signal, only ``close``, which leaves all to its lease at once."""
    try:
        yield
    except Exception:
        finish()
        raise
    except BaseException:
        close()
        raise
    else:
        finish()
