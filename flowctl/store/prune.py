"""Redacting old messages, chunk by chunk (``prune.sql``)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row, scalar_row

from flowctl.database import Connection, query
from flowctl.store.fetching import fetch_rows


@dataclass(frozen=True, slots=True)
class Range:
    """Messages from ``before`` on are young; ``is_owner``: the role may redact the others."""

    before: datetime
    is_owner: bool


@dataclass(frozen=True, slots=True)
class Pages:
    """What there is to go through in each table."""

    messages: int
    archived: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Pages of a table, and whether they are redacted or only counted."""

    first: int
    pages: int
    before: datetime
    is_dry_run: bool


def prune_range(connection: Connection, older_than: timedelta) -> Range:
    """What is old, and whether this role may redact it."""
    with connection.cursor(row_factory=class_row(Range)) as cursor:
        found = cursor.execute(query("prune_range"), {"older_than": older_than}).fetchone()
    assert found is not None  # noqa: S101 - the table is there: the schema was checked
    return found


def count_pages(connection: Connection) -> Pages:
    """What there is to go through."""
    (found,) = fetch_rows(connection, "count_pages", Pages)
    return found


def prune_messages(connection: Connection, chunk: Chunk) -> int:
    """Redact what is old of ``message_logs``; returns how many rows that were or would be."""
    name = "count_old_messages" if chunk.is_dry_run else "prune_messages"
    return _prune(connection, name, chunk)


def prune_archive(connection: Connection, chunk: Chunk) -> int:
    """The same for ``flowctl.message_archive``."""
    name = "count_old_archive" if chunk.is_dry_run else "prune_archive"
    return _prune(connection, name, chunk)


def _prune(connection: Connection, name: str, chunk: Chunk) -> int:
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(
            query(name),
            {"first": chunk.first, "pages": chunk.pages, "before": chunk.before},
        )
        return int(cursor.fetchone() or 0)
