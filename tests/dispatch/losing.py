"""Dispatchers that may lose their database."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from uuid import UUID

from flowctl.clock import SystemClock
from flowctl.database import open_connection
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import Event
from flowctl.dispatch.options import Options
from flowctl.model import Channel
from flowctl.settings import Settings
from tests.support.dispatching import RUN_IDS
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.recording import RecordingProvider

HOURLY_LIMIT = {"FLOWCTL_MAX_PER_HOUR": "1000"}
"""So that a turn takes the lock of the hourly limit, too."""


def a_dispatcher(
    database: str | Callable[[], Connection],
    providers: Sequence[RecordingProvider],
    observer: Callable[[Event], None] = lambda _: None,
    *,
    concurrency: int = 2,
) -> Dispatcher:
    """A dispatcher for a database, given by its URL or by how to connect to it."""
    return Dispatcher(
        database if callable(database) else lambda: open_connection(database),
        [provider.state() for provider in providers],
        Settings.from_env(HOURLY_LIMIT),
        Options(concurrency=concurrency, interval=0.01),
        run_id=UUID(int=next(RUN_IDS)),
        clock=SystemClock(),
        random=Random(1),  # noqa: S311 - jitter
        observer=observer,
    )


def two_channels() -> list[RecordingProvider]:
    return [RecordingProvider(channel) for channel in Channel]


def one_lead_and_both_channels(conn: Connection) -> None:
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn)


def assert_each_sent_once(conn: Connection, providers: Sequence[RecordingProvider]) -> None:
    counts: Counter[UUID] = Counter()
    for provider in providers:
        counts += provider.count()
    rows = messages(conn, "id", "status", "attempts", "claimed_by")
    assert rows == [(identity, "sent", 1, None) for identity, *_ in rows]
    assert counts == Counter(identity for identity, *_ in rows)
    assert conn.execute("select from flowctl.sends").fetchall() == []
