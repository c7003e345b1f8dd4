"""Where leads stand in flows (``enrollments.sql``)."""

from dataclasses import dataclass
from datetime import datetime

from flowctl.database import Connection, query
from flowctl.model import JsonObject, Status
from flowctl.store.fetching import fetch_rows
from flowctl.store.status import UndeliveredCount


@dataclass(frozen=True, slots=True)
class Enrollment:
    """How a lead stands in a flow: ``state`` is active, stopped, left or finished; ``step`` the
    next one of an active lead, else the last that was sent (its key, or ``#`` and its order)."""

    flow: str
    state: str
    next_due: datetime | None
    step: str | None


@dataclass(frozen=True, slots=True)
class EnrolledLead:
    """A lead, by its id and row, and how it stands in one flow."""

    id: str
    row: JsonObject
    flow: str
    state: str
    step: str | None
    next_due: datetime | None


def enrollments_of_lead(connection: Connection, lead_id: str) -> list[Enrollment]:
    """How a lead stands in each flow that it is in, by flow."""
    return fetch_rows(connection, "enrollments_of_lead", Enrollment, lead_id=lead_id)


def message_counts(connection: Connection, lead_id: str) -> dict[Status, int]:
    """How many messages of each status a lead has."""
    rows = connection.execute(query("message_counts"), {"lead_id": lead_id}).fetchall()
    return dict.fromkeys(Status, 0) | {Status(str(row[0])): int(str(row[1])) for row in rows}


def undelivered_to_lead(connection: Connection, lead_id: str) -> list[UndeliveredCount]:
    """What was sent to a lead in vain, the most first."""
    return fetch_rows(connection, "undelivered_to_lead", UndeliveredCount, lead_id=lead_id)


def list_enrollments(
    connection: Connection,
    *,
    flow: str | None,
    state: str | None,
    at: str | None,
    limit: int | None,
) -> list[EnrolledLead]:
    """The leads in flows, those with the soonest message first; null does not narrow."""
    return fetch_rows(
        connection,
        "list_enrollments",
        EnrolledLead,
        flow=flow,
        state=state,
        at=at,
        batch_size=limit,
    )
