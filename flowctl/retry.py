"""When a message is tried again after a transient error."""

from datetime import timedelta
from random import Random

MAX_ATTEMPTS = 5
"""After this many attempts a message is failed."""

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 4, 16, 60))
"""The pause after each attempt but the last: long enough in all for a greylisting server."""

JITTER = 0.2
"""Pauses are spread by this fraction to both sides, so that what failed together does not return
together."""


def pause_after(
    attempts: int, random: Random, retry_after: timedelta | None = None
) -> timedelta | None:
    """How long to wait after so many attempts (1 is the first); null when it was the last.

    A pause is never shorter than ``retry_after``, what the provider asked for.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    pause = PAUSES[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    return max(pause, retry_after or timedelta())
