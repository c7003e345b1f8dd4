"""Messages that the database takes for unsent, and that a provider has (``forgotten.sql``)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Json

from flowctl.database import Connection, query
from flowctl.model import JsonObject
from flowctl.store.fetching import fetch_rows
from flowctl.store.nodes import text_of

_TAIL = 7
"""Digits at the end of a number by which leads are looked for: those that no country code or
notation changes."""


@dataclass(frozen=True, slots=True)
class UnsentText:
    """A pending or failed text, its lead's row and zone; ``sender`` is its flow's own."""

    id: UUID
    content: str
    scheduled_for: datetime
    lead: JsonObject
    zone: str | None
    sender: str | None


@dataclass(frozen=True, slots=True)
class RecoveredText:
    """A message and the provider's record of it."""

    id: UUID
    provider_id: str
    recipient: str
    content: str
    sent_at: datetime


def find_unsent(
    connection: Connection, *, numbers: Sequence[str], since: datetime, until: datetime
) -> list[UnsentText]:
    """UnsentText texts of that time, by time, to leads whose number may be one of these."""
    tails = sorted({number[-_TAIL:] for number in numbers})
    return fetch_rows(
        connection, "find_unsent", UnsentText, tails=tails, digits=_TAIL, since=since, until=until
    )


def record_sent(connection: Connection, recovered: Sequence[RecoveredText]) -> int:
    """Make them sent; returns how many took it. What is being sent is left alone."""
    if not recovered:
        return 0
    rows = [
        {**asdict(one), "id": str(one.id), "sent_at": one.sent_at.isoformat()} for one in recovered
    ]
    with connection.transaction(), connection.cursor() as cursor:
        # The rows first: the second statement then sees every send that was begun.
        cursor.execute(text_of(connection, "lock_messages"), {"ids": [one.id for one in recovered]})
        cursor.execute(query("record_forgotten"), {"recovered": Json(rows)})
        return cursor.rowcount
