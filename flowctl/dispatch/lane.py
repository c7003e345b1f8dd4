"""One channel in a run: what is claimed, what is in flight, and whether the channel still goes."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from flowctl.dispatch.rendering import Ready
from flowctl.model import Channel, Outcome, OutcomeKind
from flowctl.transports import TextLookup, Transport

EQUAL_REFUSALS = 5
"""After so many equal refusals in a row that do not concern the recipient, the channel stops."""

BURST = 0.05
"""Seconds of a rate that may be sent at once."""

FIRST_STOP = 30.0
LONGEST_STOP = 900.0
"""Seconds for which a stopped channel rests under ``--loop``, doubled each time."""


@dataclass(slots=True)
class Lane:
    """``ready`` are claimed and rendered; ``busy`` wait for another message of theirs to end.

    ``lookup`` is the transport where its provider can be asked what became of a text.
    ``is_drained``: the last claim found nothing more. ``stopped`` is the outcome that stopped the
    channel, ``rests_until`` (monotonic) when it may go again.
    """

    channel: Channel
    transport: Transport
    transport_name: str
    seconds_apart: float = 0.0
    lookup: TextLookup | None = None
    ready: deque[Ready] = field(default_factory=deque)
    busy: list[Ready] = field(default_factory=list)
    in_flight: dict[UUID, Ready] = field(default_factory=dict)
    low: datetime | None = None
    is_drained: bool = False
    stopped: Outcome | None = None
    rests_until: float = 0.0
    _rest: float = FIRST_STOP
    _last_refusal: str = ""
    _equal_refusals: int = 0
    _next_send: float = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing left to do here now."""
        if self.in_flight:
            return False
        return self.stopped is not None or (self.is_drained and not self.ready and not self.busy)

    @property
    def is_paced(self) -> bool:
        """Whether only the rate keeps something from being begun."""
        return bool(self.seconds_apart and (self.ready or self.busy)) and self.stopped is None

    def observe(self, outcome: Outcome, now: float) -> Outcome | None:
        """Take note of an outcome; returns why the channel stops, if it does now."""
        if outcome.kind is OutcomeKind.CHANNEL_STOPPED:
            return self._stop(outcome, now)
        if outcome.kind is OutcomeKind.ACCEPTED:
            self._rest = FIRST_STOP
        if outcome.kind is not OutcomeKind.REFUSED or outcome.blames_recipient:
            self._last_refusal, self._equal_refusals = "", 0
            return None
        self._equal_refusals = self._equal_refusals + 1 if outcome.code == self._last_refusal else 1
        self._last_refusal = outcome.code
        if self._equal_refusals < EQUAL_REFUSALS:
            return None
        return self._stop(
            Outcome(
                OutcomeKind.CHANNEL_STOPPED,
                outcome.code,
                f"{EQUAL_REFUSALS} messages in a row were refused alike: {outcome.detail}",
                hint="look at the reason, then: flowctl messages list --status failed",
            ),
            now,
        )

    def resume(self, now: float) -> None:
        """Let a stopped channel go again once it has rested."""
        if self.stopped is not None and now >= self.rests_until:
            self.stopped = None
            self._equal_refusals = 0

    def allowance(self, now: float, slots: int) -> int:
        """How many of ``slots`` sends the rate lets begin now."""
        if not self.seconds_apart:
            return slots
        self._next_send = max(self._next_send, now - max(self.seconds_apart, BURST))
        return min(slots, max(0, int((now - self._next_send) / self.seconds_apart + 1e-9)))

    def take(self, count: int) -> list[Ready]:
        """The next messages to begin, at most so many: first what waited for another to end."""
        taken, self.busy = self.busy[:count], self.busy[count:]
        while self.ready and len(taken) < count:
            taken.append(self.ready.popleft())
        return taken

    def held(self) -> list[Ready]:
        """What is claimed here and was not begun."""
        return [*self.ready, *self.busy]

    def spend(self) -> None:
        """Take note of a send begun, for the rate."""
        self._next_send += self.seconds_apart

    def waits_for(self, now: float) -> float:
        """Seconds until the rate lets the next send begin."""
        return max(0.0, self._next_send + self.seconds_apart - now) if self.seconds_apart else 0.0

    def _stop(self, outcome: Outcome, now: float) -> Outcome | None:
        if self.stopped is not None:
            return None
        self.stopped = outcome
        asked = outcome.retry_after.total_seconds() if outcome.retry_after else 0.0
        self.rests_until = now + max(self._rest, asked)
        self._rest = min(self._rest * 2, LONGEST_STOP)
        return outcome
