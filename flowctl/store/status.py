"""Where things stand, and what is to come (``status.sql``)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.rows import class_row, dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel, Status


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many messages have a status; failed ones are counted for each reason."""

    status: Status
    reason: str | None
    messages: int


@dataclass(frozen=True, slots=True)
class UndeliveredCount:
    """How many messages did not arrive, for one code of the provider's (or its word)."""

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is due on a channel, and for how many seconds the oldest has been."""

    channel: Channel
    messages: int
    oldest_seconds: int


@dataclass(frozen=True, slots=True)
class ForecastDay:
    """How many messages of each channel fall due on a day of ``zone``."""

    zone: str
    date: date
    email: int
    text: int


def count_statuses(connection: Connection) -> list[StatusCount]:
    """All messages, counted."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query("count_statuses"))
        return [StatusCount(status=Status(row.pop("status")), **row) for row in cursor]


def count_undelivered(connection: Connection, span: timedelta) -> list[UndeliveredCount]:
    """What was sent within ``span`` and did not arrive, the most frequent reason first."""
    with connection.cursor(row_factory=class_row(UndeliveredCount)) as cursor:
        return cursor.execute(query("count_undelivered"), {"span": span}).fetchall()


def due_by_channel(connection: Connection) -> list[Due]:
    """What is due, for the channels on which something is."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query("due_by_channel"))
        return [Due(channel=Channel(row.pop("channel")), **row) for row in cursor]


def next_due(connection: Connection) -> datetime | None:
    """When the next message falls due that is not due yet."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        found: Any = cursor.execute(query("next_due")).fetchone()
    return found if isinstance(found, datetime) else None


def forecast(connection: Connection, days: int) -> list[ForecastDay]:
    """The coming days, today first."""
    with connection.cursor(row_factory=class_row(ForecastDay)) as cursor:
        return cursor.execute(query("forecast"), {"days": days}).fetchall()
