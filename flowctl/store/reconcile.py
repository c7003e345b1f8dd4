"""What providers tell after a send: deliveries, and replies that suppress (``reconcile.sql``)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.rows import scalar_row
from psycopg.types.json import Json

from flowctl.database import Connection, query


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a text: the provider's word for it, and its error in words, if any."""

    provider_id: str
    status: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A number to suppress. ``source``: ``reply`` of the recipient, or ``provider``."""

    address: str
    reason: str
    source: str
    created_at: datetime


def update_deliveries(
    connection: Connection, deliveries: Sequence[Delivered], since: datetime
) -> int:
    """Write delivery statuses of texts sent since a moment; returns how many changed."""
    rows = [asdict(delivery) for delivery in deliveries]
    with connection.cursor() as cursor:
        cursor.execute(query("update_deliveries"), {"deliveries": Json(rows), "since": since})
        return cursor.rowcount


def suppress(connection: Connection, numbers: Sequence[Suppressed]) -> list[str]:
    """Suppress numbers; returns those that were not suppressed before."""
    rows = [{**asdict(n), "created_at": n.created_at.isoformat()} for n in numbers]
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(query("suppress_replied"), {"suppressed": Json(rows)})
        return list(cursor.fetchall())


def lift(connection: Connection, replied_at: dict[str, datetime]) -> list[str]:
    """Lift suppressions of numbers that asked for it later than they were suppressed.

    What was suppressed by hand stays. Returns the numbers that may be written to again.
    """
    rows = [{"address": a, "replied_at": at.isoformat()} for a, at in replied_at.items()]
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(query("lift_replied"), {"lifted": Json(rows)})
        return list(cursor.fetchall())
