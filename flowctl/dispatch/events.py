"""What a dispatcher reports to its observer, and what a run adds up to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from flowctl.model import NO_ADDRESS, Channel, Outcome, OutgoingMessage
from flowctl.records import record


class EventKind(StrEnum):
    """The life of a message in a run, and what can happen to a channel or the database."""

    CLAIMED = "claimed"
    BEGUN = "begun"
    ANSWERED = "answered"
    """The provider answered, or did not; nothing is recorded yet. Comes from a sender's thread."""
    SENT = "sent"
    FAILED = "failed"
    RETRYING = "retrying"
    CANCELLED = "cancelled"
    DEFERRED = "deferred"
    RELEASED = "released"
    """It was not sent, and is due again: the provider never had it, or begin left it out."""
    WITHHELD = "withheld"
    """``FLOWCTL_ONLY_TO`` does not name its address: it stays as it is."""
    TAKEN_OVER = "taken_over"
    """The claim ran out before the send was begun: another dispatcher has it, or it is not to be
    sent any more."""
    CHANNEL_STOPPED = "channel_stopped"
    DATABASE_LOST = "database_lost"
    DATABASE_BACK = "database_back"


UNCOUNTED = frozenset({EventKind.CLAIMED, EventKind.BEGUN, EventKind.ANSWERED})
"""Steps of every message, which no total counts: who does not want to hear of them is not told."""


@record
class Event:
    """Something that happened; which fields are set follows from ``kind``.

    ``message`` is what was handed over, ``detail`` a reason in words, ``until`` the time a
    message is deferred to, ``is_unknown`` marks a failure whose message may have gone out,
    ``cause`` is the word of ``message_logs.cause`` for what could not be addressed.
    """

    kind: EventKind
    channel: Channel | None = None
    message_id: UUID | None = None
    lead_id: str | None = None
    flow: str | None = None
    key: str | None = None
    message: OutgoingMessage | None = None
    detail: str = ""
    until: datetime | None = None
    is_unknown: bool = False
    cause: str | None = None
    outcome: Outcome | None = None


Observer = Callable[[Event], None]


@dataclass(slots=True)
class Totals:
    """What a run did.

    ``unknown`` ones are also counted in ``failed``, ``no_address`` ones (their lead has none) in
    ``cancelled``. ``held`` are due messages of a channel that
    is not configured, ``withheld`` those to addresses that ``FLOWCTL_ONLY_TO`` does not name.
    ``late`` are messages sent more than an hour after their time, ``latest``
    by how much the worst of them.
    """

    sent: int = 0
    failed: int = 0
    retrying: int = 0
    cancelled: int = 0
    deferred: int = 0
    held: int = 0
    withheld: int = 0
    unknown: int = 0
    no_address: int = 0
    late: int = 0
    latest: timedelta = timedelta()
    is_limited: bool = False
    stopped: dict[Channel, Outcome] = field(default_factory=dict)

    def count(self, event: Event) -> None:
        """Add an event that ends a message's batch."""
        match event.kind:
            case EventKind.SENT:
                self.sent += 1
            case EventKind.FAILED:
                self.failed += 1
                self.unknown += event.is_unknown
            case EventKind.RETRYING:
                self.retrying += 1
            case EventKind.CANCELLED:
                self.cancelled += 1
                self.no_address += event.cause == NO_ADDRESS
            case EventKind.DEFERRED:
                self.deferred += 1
            case EventKind.WITHHELD:
                self.withheld += 1
            case _:
                pass
