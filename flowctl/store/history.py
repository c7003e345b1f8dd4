"""The life of one message (``history.sql``)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flowctl.database import Connection
from flowctl.store.fetching import fetch_rows


@dataclass(frozen=True, slots=True)
class NotedEvent:
    """What was written down about a message; ``was`` and ``becomes`` are the times at which it was
    due before and after, null where that did not change."""

    at: datetime
    event: str
    detail: str | None
    was: datetime | None
    becomes: datetime | None


@dataclass(frozen=True, slots=True)
class PlanOfMessage:
    """How a message's time was counted: ``counted_from`` is an enrolment's own date."""

    planned_for: datetime
    counted_from: datetime | None


@dataclass(frozen=True, slots=True)
class SuppressedBy:
    """A suppression that came from a message."""

    at: datetime
    source: str
    reason: str | None


def select_history(connection: Connection, message_id: UUID) -> list[NotedEvent]:
    """What was written down about a message, the oldest first."""
    return fetch_rows(connection, "select_history", NotedEvent, id=message_id)


def select_plan(connection: Connection, message_id: UUID) -> PlanOfMessage:
    """How its time was counted."""
    (found,) = fetch_rows(connection, "select_plan", PlanOfMessage, id=message_id)
    return found


def suppressed_by(connection: Connection, message_id: UUID) -> list[SuppressedBy]:
    """The suppressions that came from a message."""
    return fetch_rows(connection, "suppressed_by", SuppressedBy, id=message_id)
