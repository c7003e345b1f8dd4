"""Running a dispatcher inside the test, with transports and time under control."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from uuid import UUID

from flowctl.clock import Clock, SystemClock
from flowctl.database import Connection, open_connection
from flowctl.dispatch.channel import ChannelState
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import Event, EventKind, Totals
from flowctl.dispatch.options import Options
from flowctl.dispatch.pace import RateLimiter
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.settings import Settings

RUN_IDS = count(1)

ACCEPTED = Outcome(OutcomeKind.ACCEPTED, provider_id="accepted")


@dataclass
class RecordingTransport:
    """Keeps what it is handed, and answers as told: by default that it was accepted."""

    channel: Channel
    answer: Callable[[OutgoingMessage], Outcome] = field(default=lambda _: ACCEPTED)
    taken: list[OutgoingMessage] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def send(self, message: OutgoingMessage) -> Outcome:
        """Take a message."""
        with self._lock:
            self.taken.append(message)
        return self.answer(message)

    def stop(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing to close."""


class FastClock(SystemClock):
    """A clock on which a minute passes in half a second."""

    def monotonic(self) -> float:
        """Seconds since a fixed time."""
        return super().monotonic() * 120


@dataclass
class TickingClock:
    """A clock that goes on by ``tick`` seconds each time it is looked at, and not otherwise."""

    tick: float
    now: float = 0.0

    def monotonic(self) -> float:
        """Seconds since it was made."""
        self.now += self.tick
        return self.now


@dataclass
class Ran:
    """What one pass did."""

    totals: Totals
    events: list[Event]
    taken: list[OutgoingMessage]

    def told(self) -> list[tuple[str, str]]:
        """Kind and detail of every event that ends a message's turn or stops a channel."""
        quiet = {"claimed", "begun", "answered"}
        return [(str(e.kind), e.detail) for e in self.events if e.kind not in quiet]


def a_dispatcher(
    database: str,
    transports: Sequence[RecordingTransport],
    observer: Callable[[Event], None] = lambda _: None,
    *,
    environ: dict[str, str] | None = None,
    seconds_apart: float = 0.0,
    options: Options | None = None,
    clock: Clock | None = None,
    connecting: Callable[[], Connection] | None = None,
    observed: Iterable[EventKind] = EventKind,
) -> Dispatcher:
    """A dispatcher over these transports."""
    states = [
        ChannelState(transport.channel, transport, "outbox", rate=RateLimiter(seconds_apart))
        for transport in transports
    ]
    return Dispatcher(
        connecting or (lambda: open_connection(database)),
        states,
        Settings.from_env(environ or {}),
        options or Options(),
        run_id=UUID(int=next(RUN_IDS)),
        clock=clock or SystemClock(),
        random=random.Random(7),  # noqa: S311 - jitter
        observer=observer,
        observed=observed,
    )


def dispatch_once(
    database: str,
    *,
    answer: Callable[[OutgoingMessage], Outcome] = lambda _: ACCEPTED,
    channels: Sequence[Channel] = tuple(Channel),
    environ: dict[str, str] | None = None,
    seconds_apart: float = 0.0,
    options: Options | None = None,
) -> Ran:
    """Send everything that is due, and return what happened."""
    transports = [RecordingTransport(channel, answer) for channel in channels]
    events: list[Event] = []
    dispatcher = a_dispatcher(
        database,
        transports,
        events.append,
        environ=environ,
        seconds_apart=seconds_apart,
        options=options,
    )
    totals = dispatcher.run_once()
    return Ran(totals, events, [message for t in transports for message in t.taken])
