"""A dispatcher inside the test that can die at any event, and leaves everything as it is then."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from threading import Lock, get_ident
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import AdaptersMap

from flowctl.clock import SystemClock
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import Event
from flowctl.dispatch.options import Options
from flowctl.settings import Settings
from tests.support.crashing import Death
from tests.support.dispatching import RUN_IDS
from tests.support.recording import RecordingProvider


class Died(BaseException):
    """The dispatcher is dead. Nothing of the product catches it."""


@dataclass
class Life:
    """Whether the dispatcher still lives; as its observer it notices when the time has come."""

    death: Death | None
    is_over: bool = False
    _seen: int = 0
    _thread: int = field(default_factory=get_ident)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, event: Event) -> None:
        """Die at the chosen event; from a sender's thread, the coordinator cannot do more."""
        with self._lock:
            if self.death is None or event.kind is not self.death.kind:
                return
            self._seen += 1
            if self._seen != self.death.nth:
                return
            self.is_over = True
        if get_ident() == self._thread:
            raise Died

    def check(self) -> None:
        """Raise Died if it is over."""
        if self.is_over:
            raise Died


class MortalConnection(psycopg.Connection[Any]):
    """A connection on which nothing is done any more once its dispatcher is dead."""

    life = Life(None)

    @property
    def adapters(self) -> AdaptersMap:
        """As a connection's; every statement needs them, by a cursor or by libpq's functions."""
        self.life.check()
        return super().adapters


def dispatch_mortally(
    database: str, providers: Sequence[RecordingProvider], life: Life, *, concurrency: int
) -> None:
    """Send what is due, as long as life lasts."""

    def connect() -> MortalConnection:
        life.check()
        connection = MortalConnection.connect(database, autocommit=True, prepare_threshold=None)
        connection.life = life
        return connection

    dispatcher = Dispatcher(
        connect,
        [provider.state() for provider in providers],
        Settings.from_env({}),
        Options(concurrency=concurrency),
        run_id=UUID(int=next(RUN_IDS)),
        clock=SystemClock(),
        random=Random(1),  # noqa: S311 - jitter
        observer=life,
    )
    with suppress(Died):
        dispatcher.run_once()
