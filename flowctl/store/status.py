"""Where things stand (``status.sql``)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel, Status
from flowctl.store.fetching import fetch_rows, fetch_value
from flowctl.store.nodes import text_of

BOUND = 1000
"""Up to this many messages are counted in a large table; beyond it the planner's guess is told."""

DUE_BOUND = 10_000
"""The same for what is due, which matters most, and for what failed lately."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many; ``is_estimated`` where a large table was not counted to its end."""

    number: int
    is_estimated: bool = False


@dataclass(frozen=True, slots=True)
class StatusTimes:
    """This moment, and since when things are told of: midnight in ``zone``, and a span ago."""

    now: datetime
    zone: str
    today: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Over:
    """How many messages failed for a reason, or have no address on their channel."""

    has_no_address: bool
    reason: str | None
    messages: int


@dataclass(frozen=True, slots=True)
class UndeliveredCount:
    """How many messages did not arrive, for one code of the provider's (or its word)."""

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class UnreadZone:
    """What stands for a zone and can be read by nobody, and how many leads have it."""

    name: str
    leads: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is due on a channel, and for how many seconds the oldest has been."""

    channel: Channel
    messages: int
    oldest_seconds: int


def is_large(connection: Connection) -> bool:
    """Whether the messages are too many to be counted to their end."""
    return bool(fetch_value(connection, "is_large"))


def count_statuses(connection: Connection, *, large: bool) -> dict[Status, Count]:
    """All messages by status; exact in a table that is not large, and where they are few."""
    if not large:
        return _by_status(connection, "every_status")
    over = _by_status(connection, "over_by_status", bound=BOUND)
    if sum(one.number for one in over.values()) >= BOUND:
        over = {
            status: _guess(connection, "with_status", over.get(status, Count(0)), status=status)
            for status in (Status.FAILED, Status.CANCELLED)
        }
    return {
        **over,
        Status.PENDING: bounded_count(connection, "all_pending", large=large),
        Status.SENT: bounded_count(connection, "all_sent", large=large),
    }


def count_sent(connection: Connection, since: datetime, *, large: bool) -> Count:
    """What was sent since then."""
    return bounded_count(connection, "sent_from", large=large, since=since)


def bounded_count(connection: Connection, name: str, *, large: bool, **values: object) -> Count:
    """The rows of a query, counted; in a large table up to a bound, then as the planner expects."""
    statement = b"select count(*) from (" + query(name) + b" limit %(bound)s::bigint) as bounded"
    bound = BOUND if large else None
    with connection.cursor(row_factory=scalar_row) as cursor:
        number = int(cursor.execute(statement, {**values, "bound": bound}).fetchone() or 0)
    if bound is None or number < bound:
        return Count(number)
    return _guess(connection, name, Count(number), **values)


def count_over(connection: Connection, since: datetime) -> list[Over]:
    """What failed since then or had no address, the most frequent first."""
    return fetch_rows(connection, "over_lately", Over, since=since, bound=DUE_BOUND)


def count_undelivered(connection: Connection, span: timedelta) -> list[UndeliveredCount]:
    """What was sent within ``span`` and did not arrive, the most frequent reason first."""
    return fetch_rows(connection, "count_undelivered", UndeliveredCount, span=span, bound=DUE_BOUND)


def status_times(connection: Connection, span: timedelta) -> StatusTimes:
    """This moment by the database's clock, today's midnight, and ``span`` ago."""
    (found,) = fetch_rows(connection, "status_times", StatusTimes, span=span)
    return found


def due_by_channel(connection: Connection, bound: int | None = None) -> list[Due]:
    """What is due, for the channels on which something is.

    Of more than ``bound`` there are as many as the planner expects.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(text_of(connection, "due_by_channel"), {"bound": bound})
        found = [Due(channel=Channel(row.pop("channel")), **row) for row in cursor]
    return [
        one
        if bound is None or one.messages < bound
        else Due(
            one.channel,
            max(one.messages, _explained(connection, "all_due", channel=one.channel)),
            one.oldest_seconds,
        )
        for one in found
    ]


def next_due(connection: Connection) -> datetime | None:
    """When the next message falls due that is not due yet."""
    found: Any = fetch_value(connection, "next_due")
    return found if isinstance(found, datetime) else None


def paused_flows(connection: Connection) -> list[str]:
    """The names of flows that are paused."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return [str(name) for name in cursor.execute(query("paused_flows"))]


def count_paused(connection: Connection) -> int:
    """What would be due were its flow not paused, counted up to a bound."""
    return int(fetch_value(connection, text_of(connection, "count_paused"), bound=DUE_BOUND))


def unread_timezones(connection: Connection) -> list[UnreadZone]:
    """What leads have as their zone and nobody can read, the most frequent first."""
    return fetch_rows(connection, "unread_timezones", UnreadZone)


def _by_status(connection: Connection, name: str, **values: object) -> dict[Status, Count]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query(name), values)
        return {Status(row["status"]): Count(row["messages"]) for row in cursor}


def _guess(connection: Connection, name: str, least: Count, **values: object) -> Count:
    number = max(least.number, _explained(connection, name, **values))
    return Count(number, is_estimated=True)


def _explained(connection: Connection, name: str, **values: object) -> int:
    """How many rows the planner expects of a query, by its statistics; the query is not run."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        plan: Any = cursor.execute(b"explain (format json) " + query(name), values).fetchone()
    return int(plan[0]["Plan"]["Plan Rows"])
