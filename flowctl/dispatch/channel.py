"""One channel in a run: what is claimed, what is ready, what is in flight."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from flowctl.dispatch.pace import CircuitBreaker, RateLimiter
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.model import Channel, Outcome
from flowctl.transports import TextLookup, Transport


@dataclass(slots=True)
class ChannelState:
    """``ready`` are claimed and rendered; ``busy`` wait for another message of theirs to end.

    ``lookup`` is the transport where its provider can be asked what became of a text.
    ``is_drained``: the last claim found nothing more. ``low``: the last claim took all up to there.
    """

    channel: Channel
    transport: Transport
    transport_name: str
    rate: RateLimiter = field(default_factory=RateLimiter)
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    lookup: TextLookup | None = None
    ready: deque[RenderedMessage] = field(default_factory=deque)
    busy: list[RenderedMessage] = field(default_factory=list)
    in_flight: dict[UUID, RenderedMessage] = field(default_factory=dict)
    low: datetime | None = None
    is_drained: bool = False

    @property
    def stopped(self) -> Outcome | None:
        """The outcome that stopped the channel, null while it goes."""
        return self.breaker.stopped

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing left to do here now."""
        if self.in_flight:
            return False
        return self.stopped is not None or (self.is_drained and not self.ready and not self.busy)

    @property
    def is_paced(self) -> bool:
        """Whether only the rate keeps something from being begun."""
        return self.rate.is_active and bool(self.ready or self.busy) and self.stopped is None

    def take(self, count: int) -> list[RenderedMessage]:
        """The next messages to begin, at most so many: first what waited for another to end."""
        taken, self.busy = self.busy[:count], self.busy[count:]
        while self.ready and len(taken) < count:
            taken.append(self.ready.popleft())
        return taken

    def held(self) -> list[RenderedMessage]:
        """What is claimed here and was not begun."""
        return [*self.ready, *self.busy]


class Channels:
    """The channels of one run, by name."""

    def __init__(self, states: Sequence[ChannelState]) -> None:
        self._states = {state.channel: state for state in states}

    def __iter__(self) -> Iterator[ChannelState]:
        return iter(self._states.values())

    def __getitem__(self, channel: Channel) -> ChannelState:
        return self._states[channel]

    @property
    def are_idle(self) -> bool:
        """Whether there is nothing left to do on any of them now."""
        return all(state.is_idle for state in self)

    def in_flight(self) -> int:
        """How many messages are being sent."""
        return sum(len(state.in_flight) for state in self)

    def seconds_until_rate(self, now: float) -> float | None:
        """Seconds until a rate lets more begin; null where only an answer can make room."""
        paced = (state.rate.seconds_until_next(now) for state in self if state.is_paced)
        return min(paced, default=None)

    def start_pass(self, now: float) -> None:
        """Let channels go again that have rested, and look for due messages on all of them."""
        for state in self:
            state.breaker.resume(now)
            state.is_drained = False

    def held(self) -> list[UUID]:
        """The messages that are claimed and were not begun."""
        return [rendered.claimed.id for state in self for rendered in state.held()]

    def clear(self) -> None:
        """Forget what is claimed and was not begun: it was given back."""
        for state in self:
            state.ready.clear()
            state.busy.clear()
