"""Addresses that must not be written to (``suppressions.sql``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row, scalar_row, tuple_row

from flowctl.database import Connection, query
from flowctl.model import Channel


@dataclass(frozen=True, slots=True)
class Suppression:
    """A row of ``suppressions``; ``source`` is who put it there: ``manual``, ``reply`` or
    ``provider``."""

    channel: Channel
    address: str
    reason: str | None
    created_at: datetime
    source: str


def select_suppressions(connection: Connection) -> list[Suppression]:
    """All of them, the oldest first."""
    with connection.cursor(row_factory=class_row(Suppression)) as cursor:
        return cursor.execute(query("select_suppressions")).fetchall()


def add_suppression(
    connection: Connection, channel: Channel, address: str, reason: str | None
) -> bool:
    """Suppress an address by hand; returns whether it was not suppressed before."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        values = {"channel": channel, "address": address, "reason": reason}
        return bool(cursor.execute(query("add_suppression"), values).fetchone())


def remove_suppression(connection: Connection, channel: Channel, addresses: Sequence[str]) -> bool:
    """Remove an address in every form it may be suppressed in; returns whether it was."""
    values = {"channel": channel, "addresses": list(addresses)}
    return connection.execute(query("remove_suppression"), values).fetchone() is not None


def pending_emails(connection: Connection, mailbox: str) -> list[tuple[str, int]]:
    """Addresses of leads that contain ``mailbox`` (``name@``), with their pending emails."""
    return _pending(connection, "pending_emails", mailbox=mailbox)


def pending_texts(connection: Connection, ending: str) -> list[tuple[str, int]]:
    """Numbers of leads that end in these digits, with their pending texts."""
    return _pending(connection, "pending_texts", ending=ending)


def _pending(connection: Connection, name: str, **values: str) -> list[tuple[str, int]]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return [(str(row[0]), int(row[1])) for row in cursor.execute(query(name), values)]
