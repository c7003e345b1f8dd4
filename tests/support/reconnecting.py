"""A reconnecting connection that never waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from flowctl.clock import SystemClock
from flowctl.database import open_connection
from flowctl.reconnecting import ReconnectingConnection


@contextmanager
def reconnecting_to(database: str) -> Iterator[ReconnectingConnection]:
    """A connection to the database of that URL; closed at the end of the block."""
    reconnecting = ReconnectingConnection(
        lambda: open_connection(database),
        pause=lambda _: False,
        random=Random(1),  # noqa: S311 - jitter
        on_change=lambda _: None,
        clock=SystemClock(),
    )
    try:
        yield reconnecting
    finally:
        reconnecting.close()
