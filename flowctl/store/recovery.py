"""Sends that were begun and have no outcome (``recovery.sql``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import scalar_row

from flowctl.database import Connection, query
from flowctl.retry import MAX_ATTEMPTS
from flowctl.store.fetching import fetch_ids, fetch_rows
from flowctl.store.runs import Run


@dataclass(frozen=True, slots=True)
class Lookup:
    """A text whose outcome is unknown, and what was handed over; ``age`` is the time since."""

    message_id: UUID
    recipient: str
    content: str
    begun_at: datetime
    age: timedelta = field(default_factory=timedelta)


def rescue_expired(connection: Connection) -> list[tuple[UUID, str]]:
    """End expired sends that cannot be looked up; returns each message with its transport."""
    with connection.cursor() as cursor:
        return [(row[0], row[1]) for row in cursor.execute(query("rescue_expired"))]  # type: ignore[misc]


def claim_lookups(connection: Connection, run: Run, *, batch_size: int) -> list[Lookup]:
    """Take texts whose outcome is unknown and whose time for a look-up has come."""
    return fetch_rows(
        connection, "claim_lookups", Lookup, run=run.id, lease=run.lease, batch_size=batch_size
    )


def postpone_lookups(
    connection: Connection, run: Run, ids: Sequence[UUID], *, pause: timedelta
) -> None:
    """Leave texts unknown for another ``pause``."""
    connection.execute(query("postpone_lookups"), {"run": run.id, "ids": list(ids), "pause": pause})


def resolve_found(
    connection: Connection, run: Run, found: Mapping[UUID, str], asked: Sequence[UUID]
) -> set[UUID]:
    """Mark texts as sent that the provider turned out to have (message to provider's id).

    ``asked`` are all that were looked up together. A text that is not returned is left for later:
    what the provider has may be another one to the same number.
    """
    return fetch_ids(
        connection,
        "resolve_found",
        run=run.id,
        ids=list(found),
        provider_ids=list(found.values()),
        asked=list(asked),
    )


def resolve_missing(connection: Connection, run: Run, ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Make texts due again that the provider does not have; true for those that failed instead,
    since it was their last attempt.
    """
    parameters = {"run": run.id, "ids": list(ids), "max_attempts": MAX_ATTEMPTS}
    with connection.cursor() as cursor:
        rows = cursor.execute(query("resolve_missing"), parameters).fetchall()
    return {row[0]: bool(row[1]) for row in rows}  # type: ignore[misc]


def known_provider_ids(connection: Connection, provider_ids: Sequence[str]) -> set[str]:
    """Which of the provider's messages are already recorded for a message of ours."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(query("known_provider_ids"), {"provider_ids": list(provider_ids)})
        return set(cursor.fetchall())
