"""One channel in a run: what is claimed, what is ready, what is in flight."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from flowctl.dispatch.batches import Claim
from flowctl.dispatch.pace import CircuitBreaker, RateLimiter
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.dispatch.steporder import StepOrder
from flowctl.model import Channel, Outcome, OutgoingMessage
from flowctl.store.intents import ClaimedMessage
from flowctl.store.refusals import Refused
from flowctl.transports import ManyAtOnce, Prepared, TextLookup, Transport


@dataclass(frozen=True, slots=True)
class Ahead:
    """A claim that is being made meanwhile, and for how many messages it asks."""

    claim: Future[Claim]
    batch_size: int


@dataclass(slots=True)
class ChannelState:
    """``claimed`` are to be rendered, ``ready`` are; ``busy`` wait for another message of theirs.

    ``ahead``: what is claimed meanwhile.
    ``lookup`` is the transport where its provider can be asked what became of a text.
    ``prepare`` makes a message ready for a transport that takes many at once.
    ``is_drained``: the last claim found nothing more. ``low``: the last claim took all up to there.
    ``unproven``: recipients that do not exist by a provider's words, which may be about us.
    ``withheld``: what is claimed and may not be sent to its address.
    """

    channel: Channel
    transport: Transport
    transport_name: str
    rate: RateLimiter = field(default_factory=RateLimiter)
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    lookup: TextLookup | None = None
    claimed: deque[ClaimedMessage] = field(default_factory=deque)
    ready: deque[RenderedMessage] = field(default_factory=deque)
    busy: list[RenderedMessage] = field(default_factory=list)
    in_flight: dict[UUID, RenderedMessage] = field(default_factory=dict)
    unproven: list[Refused] = field(default_factory=list)
    withheld: list[UUID] = field(default_factory=list)
    low: datetime | None = None
    ahead: Ahead | None = None
    is_drained: bool = False
    order: StepOrder = field(default_factory=StepOrder)
    prepare: Callable[[OutgoingMessage], Prepared] | None = field(init=False)

    def __post_init__(self) -> None:
        transport = self.transport
        self.prepare = transport.prepare if isinstance(transport, ManyAtOnce) else None

    @property
    def stopped(self) -> Outcome | None:
        """The outcome that stopped the channel, null while it goes."""
        return self.breaker.stopped

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing left to do here now."""
        if self.in_flight:
            return False
        is_empty = not (self.claimed or self.ready or self.busy)
        return self.stopped is not None or (self.is_drained and is_empty)

    @property
    def is_paced(self) -> bool:
        """Whether only the rate keeps something from being begun."""
        return self.rate.is_active and self.has_next and self.stopped is None

    @property
    def has_next(self) -> bool:
        """Whether something is ready that waits for no earlier step."""
        return any(self.order.is_first(rendered.claimed) for rendered in self.ready)

    def add(self, row: ClaimedMessage) -> None:
        """Put a claimed message last."""
        self.order.add(row)
        self.claimed.append(row)

    def withhold(self, row: ClaimedMessage) -> None:
        """Keep a message that may not be sent to its address; none waits for it."""
        self.order.remove(row)
        self.withheld.append(row.id)

    def take(self, count: int) -> list[RenderedMessage]:
        """The next messages to begin, at most so many: first what waited for another to end.

        One of a later step stays until the earlier ones of its lead have been dealt with.
        """
        taken, self.busy = self.busy[:count], self.busy[count:]
        waiting: list[RenderedMessage] = []
        while self.ready and len(taken) < count:
            rendered = self.ready.popleft()
            (taken if self.order.is_first(rendered.claimed) else waiting).append(rendered)
        self.ready.extendleft(reversed(waiting))
        return taken

    def drop(self, rendered: RenderedMessage) -> None:
        """Forget a message that was taken and is not to be begun here."""
        self.order.remove(rendered.claimed)

    def begin(self, rendered: RenderedMessage) -> None:
        """Take note that a message is handed over."""
        self.rate.spend()
        self.in_flight[rendered.claimed.id] = rendered

    def end(self, message_id: UUID) -> None:
        """Take note that a message has its outcome."""
        self.order.remove(self.in_flight.pop(message_id).claimed)

    def clear(self) -> None:
        """Forget what was not begun: it was given back."""
        self.claimed.clear()
        self.ready.clear()
        self.busy.clear()
        self.withheld.clear()
        self.order.restart(rendered.claimed for rendered in self.in_flight.values())

    def held(self) -> list[UUID]:
        """What is claimed here and was not begun."""
        rendered = (one.claimed for one in (*self.ready, *self.busy))
        return [*(row.id for row in (*self.claimed, *rendered)), *self.withheld]

    def observe(self, outcome: Outcome, now: float, recipient: str = "") -> Outcome | None:
        """Count an outcome; returns why the channel stops, if it does now."""
        stop = self.breaker.observe(outcome, now, recipient)
        if stop is not None:
            self.unproven.clear()
        return stop

    def proven(self, refused: Sequence[Refused], outcome: Outcome, now: float) -> list[Refused]:
        """Which recipients are to be suppressed, now that the outcome of these has come.

        Where only words say that a mailbox does not exist, it has to wait until something is
        accepted: a server that refuses us may say so of everybody.
        """
        if self.breaker.has_proof(now):
            found, self.unproven = [*self.unproven, *refused], []
            return found
        if not outcome.is_unproven:
            return list(refused)
        if self.stopped is None:
            self.unproven += refused
        return []


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
        return [message_id for state in self for message_id in state.held()]

    def claimed(self) -> list[UUID]:
        """The messages that are claimed, begun or not."""
        return [*self.held(), *(message_id for state in self for message_id in state.in_flight)]

    def clear(self) -> None:
        """Forget what is claimed and was not begun: it was given back."""
        for state in self:
            state.clear()
