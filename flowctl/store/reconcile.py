"""What providers tell after a send: deliveries, and replies that suppress (``reconcile.sql``)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.rows import scalar_row
from psycopg.types.json import Json

from flowctl.database import Connection, query
from flowctl.store.fetching import fetch_rows


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a text: the provider's word for it, its error code, and the error in words."""

    provider_id: str
    status: str
    code: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Changed:
    """A delivery that is not what it was; ``is_newly_undelivered``: until now it was not failed."""

    status: str
    code: str | None
    is_newly_undelivered: bool


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A number to suppress. ``source``: ``reply`` of the recipient, or ``provider``."""

    address: str
    reason: str
    source: str
    created_at: datetime


def update_deliveries(
    connection: Connection, deliveries: Sequence[Delivered], since: datetime
) -> list[Changed]:
    """Write delivery statuses of texts sent since a moment; returns those that changed."""
    rows = [asdict(delivery) for delivery in deliveries]
    return fetch_rows(connection, "update_deliveries", Changed, deliveries=Json(rows), since=since)


def suppress(connection: Connection, numbers: Sequence[Suppressed]) -> list[str]:
    """Suppress numbers; returns those that were not suppressed before."""
    rows = [{**asdict(n), "created_at": n.created_at.isoformat()} for n in numbers]
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(query("suppress_replied"), {"suppressed": Json(rows)})
        return list(cursor.fetchall())


def lift(connection: Connection, replied_at: dict[str, datetime]) -> list[str]:
    """Lift suppressions of numbers that asked for it later than they were suppressed.

    Only what their reply or the provider suppressed is lifted. Returns the numbers that may be
    written to again.
    """
    rows = [{"address": a, "replied_at": at.isoformat()} for a, at in replied_at.items()]
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(query("lift_replied"), {"lifted": Json(rows)})
        return list(cursor.fetchall())
