"""One run of ``flowctl dispatch``: its lanes, its dispatcher, and what it leaves undone."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flowctl import database, migrate
from flowctl.clock import SystemClock
from flowctl.database import Connection
from flowctl.dispatch.assembly import OUTBOX_THREADS, Served, lanes_for
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import Observer, Totals
from flowctl.dispatch.options import Options
from flowctl.model import Channel
from flowctl.settings import Settings
from flowctl.store import sends


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to do.

    ``rate``: sends a second on each channel. ``outbox``: a folder for files instead of sends.
    ``is_rehearsal``: everything happens but the sends, and is undone at the end.
    ``before_connecting`` is called each time a connection to the database is opened.
    """

    settings: Settings
    options: Options
    channels: tuple[Channel, ...] = tuple(Channel)
    rate: float | None = None
    outbox: Path | None = None
    is_rehearsal: bool = False
    is_loop: bool = False
    before_connecting: Callable[[], None] = lambda: None


class DispatchRun:
    """A dispatcher with all it needs; make one with ``prepare``."""

    def __init__(
        self, dispatcher: Dispatcher, served: Served, conninfo: str, request: Request
    ) -> None:
        self.dispatcher = dispatcher
        self._served = served
        self._conninfo = conninfo
        self._request = request

    @property
    def unserved(self) -> list[Channel]:
        """Channels that were asked for and are not configured."""
        return self._served.unserved

    def run(self) -> Totals:
        """Dispatch, then count what is due on channels that are not configured.

        Raises DatabaseUnavailable.
        """
        dispatcher = self.dispatcher
        totals = dispatcher.run_loop() if self._request.is_loop else dispatcher.run_once()
        if self._served.unserved and not self._request.is_loop:
            with database.connect(self._conninfo) as connection:
                totals.held = sum(self.held(connection).values())
        return totals

    def held(self, connection: Connection) -> dict[Channel, int]:
        """Due messages by channel that is not configured."""
        now = self._request.options.now
        return {
            channel: sends.count_due(connection, channel, now) for channel in self._served.unserved
        }


@contextmanager
def prepare(conninfo: str, request: Request, observer: Observer) -> Iterator[DispatchRun]:
    """Check the schema and open the transports; they are closed at the end of the block.

    Raises SchemaMismatch, DatabaseUnavailable, and InputError for settings that cannot be used.
    """
    with database.connect(conninfo) as connection:
        migrate.require_current(connection)
        run_id = sends.new_run_id(connection)
    options = request.options
    if request.outbox is not None or request.is_rehearsal:
        options = replace(options, threads=OUTBOX_THREADS)
    served = lanes_for(
        request.settings,
        request.channels,
        concurrency=options.concurrency,
        rate=request.rate,
        outbox=request.outbox,
        now=options.now,
        is_rehearsal=request.is_rehearsal,
    )

    def connect() -> Connection:
        request.before_connecting()
        # what a rehearsal does is one transaction that is never committed
        return database.open_connection(conninfo, autocommit=not request.is_rehearsal)

    try:
        dispatcher = Dispatcher(
            connect,
            served.lanes,
            request.settings,
            options,
            run_id=run_id,
            clock=SystemClock(),
            random=random.SystemRandom(),
            observer=observer,
        )
        yield DispatchRun(dispatcher, served, conninfo, request)
    finally:
        served.close()
