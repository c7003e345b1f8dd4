"""Addresses that must not be written to (``suppressions.sql``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Suppression:
    """A row of ``suppressions``; ``source`` is who put it there: ``manual``, ``import``,
    ``reply``, ``provider``, ``bounce``, ``complaint`` or ``unsubscribe``; ``message_id`` the
    message that it came from, null where there is none."""

    channel: Channel
    address: str
    reason: str | None
    created_at: datetime
    source: str
    message_id: UUID | None = None


def select_suppressions(
    connection: Connection,
    channel: Channel | None = None,
    source: str | None = None,
    *,
    addresses: Sequence[str] | None = None,
) -> list[Suppression]:
    """Those of a channel, a source and any of these addresses, or all, the oldest first."""
    with connection.cursor(row_factory=class_row(Suppression)) as cursor:
        values = {
            "channel": channel,
            "source": source,
            "addresses": None if addresses is None else list(addresses),
        }
        return cursor.execute(query("select_suppressions"), values).fetchall()


def add_suppression(
    connection: Connection, channel: Channel, address: str, reason: str | None
) -> bool:
    """Suppress an address by hand; returns whether it was not suppressed before."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        values = {"channel": channel, "address": address, "reason": reason}
        return bool(cursor.execute(query("add_suppression"), values).fetchone())


def remove_suppression(connection: Connection, channel: Channel, address: str) -> None:
    """Remove a suppression."""
    values = {"channel": channel, "address": address}
    connection.execute(query("remove_suppression"), values)


def pending_addresses(connection: Connection) -> Iterator[tuple[Channel, str, int]]:
    """The addresses of pending messages, as leads have them, with how many there are for each."""
    with connection.transaction(), connection.cursor("pending_addresses") as cursor:
        cursor.itersize = _CHUNK
        row: Any
        for row in cursor.execute(query("pending_addresses")):
            yield Channel(row[0]), str(row[1]), int(row[2])
