"""Providers inside the test: they keep what they accept, answer as told, and can be asked."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from uuid import UUID

from flowctl.dispatch.channel import ChannelState
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage, TextRecord


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that a provider accepted, and the id that it gave it."""

    message: OutgoingMessage
    provider_id: str
    at: datetime


LOST_BEFORE = Outcome(OutcomeKind.UNKNOWN, detail="no answer")
"""No answer came, and the message had not arrived."""


def accepts(_: OutgoingMessage) -> Outcome:
    """The answer of a provider to which nothing is wrong."""
    return Outcome(OutcomeKind.ACCEPTED)


@dataclass
class RecordingProvider:
    """A transport and the provider behind it.

    ``answer`` is asked about each message: what it says was accepted is kept. What it says is
    unknown is kept if ``keeps_unknown``, unless that very outcome is ``LOST_BEFORE``.
    """

    channel: Channel
    answer: Callable[[OutgoingMessage], Outcome] = accepts
    keeps_unknown: bool = True
    taken: list[Taken] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def send(self, message: OutgoingMessage) -> Outcome:
        """Take a message, or not."""
        outcome = self.answer(message)
        is_kept = outcome.kind is OutcomeKind.ACCEPTED or (
            outcome.kind is OutcomeKind.UNKNOWN
            and self.keeps_unknown
            and outcome is not LOST_BEFORE
        )
        if not is_kept:
            return outcome
        with self._lock:
            provider_id = f"SM{len(self.taken)}"
            now = datetime.now(UTC)  # noqa: TID251 - a provider has a clock of its own
            self.taken.append(Taken(message, provider_id, now))
        if outcome.kind is OutcomeKind.UNKNOWN:
            return outcome
        return Outcome(OutcomeKind.ACCEPTED, provider_id=provider_id)

    def stop(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing to close."""

    def find(self, recipient: str, since: datetime) -> list[TextRecord]:
        """The texts to a number, newest first."""
        return [record for record in self.recent(since) if record.recipient == recipient]

    def recent(self, since: datetime) -> Iterator[TextRecord]:
        """All texts, newest first."""
        with self._lock:
            taken = [one for one in self.taken if one.at >= since]
        for one in reversed(taken):
            yield TextRecord(
                provider_id=one.provider_id,
                recipient=one.message.recipient,
                sender="+14155550100",
                body=one.message.text,
                status="sent",
                error_code=None,
                created_at=one.at,
                inbound=False,
            )

    def count(self) -> Counter[UUID]:
        """How often each message was accepted."""
        with self._lock:
            return Counter(one.message.id for one in self.taken)

    def state(self) -> ChannelState:
        """The state of a run that sends through it, as one of a real provider."""
        if self.channel is Channel.EMAIL:
            return ChannelState(self.channel, self, "smtp")
        return ChannelState(self.channel, self, "twilio", lookup=self)
