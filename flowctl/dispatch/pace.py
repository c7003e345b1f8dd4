"""How fast and whether a channel goes: a rate limiter and a circuit breaker, pure.

Times are seconds of a monotonic clock.
"""

import re
from dataclasses import dataclass, field

from flowctl.model import Outcome, OutcomeKind

EQUAL_REFUSALS = 5
"""After so many equal refusals in a row that do not concern the recipient, the channel stops."""

BURST = 0.05
"""Seconds of a rate that may be sent at once."""

PROOF_LASTS = 3600.0
"""Seconds for which an accepted message proves that the provider takes mail of ours."""

_ADDRESSES_AND_NUMBERS = re.compile(r"<[^>]*>|\S*[@\d]\S*")

FIRST_REST = 30.0
LONGEST_REST = 900.0
"""Seconds for which a stopped channel rests under ``--loop``, doubled each time."""


@dataclass(slots=True)
class RateLimiter:
    """Lets a send begin every ``seconds_apart``; zero for no limit."""

    seconds_apart: float = 0.0
    _next_send: float = 0.0

    @property
    def is_active(self) -> bool:
        """Whether there is a limit."""
        return self.seconds_apart > 0

    def allowance(self, now: float, slots: int) -> int:
        """How many of ``slots`` sends may begin now."""
        if not self.seconds_apart:
            return slots
        self._next_send = max(self._next_send, now - max(self.seconds_apart, BURST))
        return min(slots, max(0, int((now - self._next_send) / self.seconds_apart + 1e-9)))

    def spend(self) -> None:
        """Count a send that was begun."""
        self._next_send += self.seconds_apart

    def seconds_until_next(self, now: float) -> float:
        """Seconds until the next send may begin."""
        return max(0.0, self._next_send + self.seconds_apart - now) if self.seconds_apart else 0.0


@dataclass(slots=True)
class CircuitBreaker:
    """Stops a channel whose provider refuses the account, and lets it go again after a rest.

    ``stopped`` is the outcome that stopped it, ``rests_until`` when it may go again.
    ``accepted_at`` is when the provider last accepted a message.
    """

    stopped: Outcome | None = None
    rests_until: float = 0.0
    accepted_at: float | None = None
    _rest: float = FIRST_REST
    _last_refusal: str = ""
    _equal_refusals: int = 0
    _refused_alike: dict[str, set[str]] = field(default_factory=dict)

    def has_proof(self, now: float) -> bool:
        """Whether the provider accepted a message lately: it does not refuse us altogether."""
        return self.accepted_at is not None and now - self.accepted_at < PROOF_LASTS

    def observe(self, outcome: Outcome, now: float, recipient: str = "") -> Outcome | None:
        """Count an outcome; returns why the channel stops, if it does now."""
        if outcome.kind is OutcomeKind.CHANNEL_STOPPED:
            return self._stop(outcome, now)
        if outcome.kind is OutcomeKind.ACCEPTED:
            self._rest = FIRST_REST
            self.accepted_at = now
            self._refused_alike.clear()
        if outcome.is_suspect and self._are_all_refused(outcome, now, recipient):
            reason = f"{EQUAL_REFUSALS} recipients were refused alike and nothing was accepted"
            return self._stop(_refused_alike(outcome, reason), now)
        if outcome.kind is not OutcomeKind.REFUSED or outcome.blames_recipient:
            self._last_refusal, self._equal_refusals = "", 0
            return None
        self._equal_refusals = self._equal_refusals + 1 if outcome.code == self._last_refusal else 1
        self._last_refusal = outcome.code
        if self._equal_refusals < EQUAL_REFUSALS:
            return None
        reason = f"{EQUAL_REFUSALS} messages in a row were refused alike"
        return self._stop(_refused_alike(outcome, reason), now)

    def resume(self, now: float) -> None:
        """Let the channel go again once it has rested."""
        if self.stopped is not None and now >= self.rests_until:
            self.stopped = None
            self._equal_refusals = 0
            self._refused_alike.clear()

    def _are_all_refused(self, outcome: Outcome, now: float, recipient: str) -> bool:
        """Whether so many different recipients were refused in the same words, and none taken."""
        if self.has_proof(now):
            return False
        own = "|".join(re.escape(part) for part in recipient.split("@"))
        words = re.sub(rf"\b(?:{own})\b", " ", outcome.detail)
        words = f"{outcome.code} {_ADDRESSES_AND_NUMBERS.sub(' ', words)}"
        alike = self._refused_alike.setdefault(" ".join(words.split()), set())
        alike.add(recipient)
        return len(alike) >= EQUAL_REFUSALS

    def _stop(self, outcome: Outcome, now: float) -> Outcome | None:
        if self.stopped is not None:
            return None
        self.stopped = outcome
        asked = outcome.retry_after.total_seconds() if outcome.retry_after else 0.0
        self.rests_until = now + max(self._rest, asked)
        self._rest = min(self._rest * 2, LONGEST_REST)
        return outcome


def _refused_alike(outcome: Outcome, reason: str) -> Outcome:
    return Outcome(
        OutcomeKind.CHANNEL_STOPPED,
        outcome.code,
        f"{reason}: {outcome.detail}",
        hint="look at the reason, then: flowctl messages list --status failed",
    )
