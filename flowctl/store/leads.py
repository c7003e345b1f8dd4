"""Leads that exist: found, enrolled and stopped (``leads.sql``)."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import DataError
from psycopg.rows import class_row, scalar_row

from flowctl.database import Connection, query
from flowctl.leadfile.columns import Column
from flowctl.model import JsonObject
from flowctl.store.fetching import fetch_rows, fetch_value

AT_MOST = 1000
"""Leads that are looked at where an address is that of many."""

ENDING = 6
"""Last digits by which a number is looked for: they are the same in every form of it."""


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead: its id as text, and its row as templates and conditions see it."""

    id: str
    row: JsonObject

    def text(self, column: str) -> str | None:
        """A column as text; null where it is missing or empty."""
        value = self.row.get(column)
        return None if value is None else str(value).strip() or None


@dataclass(frozen=True, slots=True)
class EnrollmentCount:
    """So many leads would get so many messages; or, with a ``reason``, are left out."""

    reason: str | None
    leads: int
    messages: int


def lead_by_id(connection: Connection, lead_id: str) -> LeadRow | None:
    """The lead of that id; null also for what cannot be an id of this table."""
    try:
        with connection.transaction():
            rows = fetch_rows(connection, "lead_by_id", LeadRow, lead_id=lead_id)
    except DataError:
        return None
    return rows[0] if rows else None


def leads_by_email(connection: Connection, address: str, limit: int | None) -> list[LeadRow]:
    """The leads whose email is this one, as emails are compared; at most ``limit``."""
    return _addressed(connection, "email", limit, address=address)


def leads_by_phone(connection: Connection, number: str, limit: int | None) -> list[LeadRow]:
    """Leads whose phone ends as this number: those that may have it; at most ``limit``."""
    return _addressed(connection, "phone", limit, ending=number[-ENDING:])


def _addressed(
    connection: Connection, column: str, limit: int | None, **values: str
) -> list[LeadRow]:
    if column not in {known.name for known in leads_columns(connection)}:
        return []
    return fetch_rows(connection, f"leads_by_{column}", LeadRow, batch_size=limit, **values)


def leads_columns(connection: Connection) -> list[Column]:
    """The columns of the leads table, in their order."""
    with connection.cursor(row_factory=class_row(Column)) as cursor:
        return cursor.execute(query("leads_columns")).fetchall()


def count_lead_messages(connection: Connection, lead_id: str) -> int:
    """How many messages a lead has."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute(query("count_lead_messages"), {"lead_id": lead_id}).fetchone()
    return int(found or 0)


def first_lead(connection: Connection) -> str | None:
    """The lowest id, where there are leads."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute(query("first_lead")).fetchone()
    return None if found is None else str(found)


def leads_from(connection: Connection, start: str, batch_size: int) -> list[str]:
    """Up to ``batch_size`` ids in order, the first of them ``start`` or what follows it."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(query("leads_from"), {"start": start, "batch_size": batch_size})
        return [str(identity) for identity in cursor.fetchall()]


def plan_enrollment(
    connection: Connection, ids: Sequence[str], flow: str, *, from_now: bool
) -> list[EnrollmentCount]:
    """What enrolling these leads would add, and why others are left out."""
    return fetch_rows(
        connection, "plan_enrollment", EnrollmentCount, ids=list(ids), flow=flow, from_now=from_now
    )


def enroll_leads(
    connection: Connection, ids: Sequence[str], flow: str, *, from_now: bool = False
) -> int:
    """Schedule what these leads lack of a flow; returns how many messages were added."""
    added = fetch_value(connection, "enroll_leads", ids=list(ids), flow=flow, from_now=from_now)
    return int(added or 0)


def forget_lead(connection: Connection, lead_id: str) -> None:
    """Delete a lead and all its messages."""
    connection.execute(query("forget_archive"), {"lead_id": lead_id})
    connection.execute(query("forget_lead"), {"lead_id": lead_id})
