"""Where things stand (``status.sql``).

``bound`` is up to how many messages of a kind are counted, null for all of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Status
from flowctl.store.fetching import fetch_rows, fetch_value
from flowctl.store.parts import parts_of

BOUND = 500
"""Up to this many messages of a kind are counted in a large table."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many; ``is_estimated`` where they were not counted to their end."""

    number: int
    is_estimated: bool = False


@dataclass(frozen=True, slots=True)
class StatusTimes:
    """This moment, and since when things are told of: an hour ago, midnight in ``zone``, and a span
    ago."""

    now: datetime
    zone: str
    hour: datetime
    today: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason, and how many messages failed for it."""

    reason: str
    count: int


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


def bound_of(connection: Connection) -> int | None:
    """The bound that suits the table: none where all of it is soon counted."""
    return BOUND if fetch_value(connection, "is_large") else None


def is_cut(number: int, bound: int | None) -> bool:
    """Whether so many are the bound, and not all that there are."""
    return number == bound


def count_statuses(connection: Connection, bound: int | None) -> dict[Status, Count]:
    """All messages by status; of a status with more than ``bound`` as many as the planner expects.

    Those sent are left out where there is a bound: ``count_sent`` has them.
    """
    if bound is None:
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(query("every_status"))
            return {Status(row["status"]): Count(row["messages"]) for row in cursor}
    found = {
        Status.PENDING: fetch_value(connection, "count_pending", bound=bound),
        **{
            status: fetch_value(connection, "count_over", status=status, bound=bound)
            for status in (Status.FAILED, Status.CANCELLED)
        },
    }
    return {
        status: _guessed(connection, number, bound, "with_status", status=status)
        for status, number in found.items()
    }


def count_sent(connection: Connection, times: StatusTimes, bound: int | None) -> dict[str, Count]:
    """What was sent within the hour, today, since then and ever, as ``count_statuses``."""
    starts = {"hour": times.hour, "today": times.today, "since": times.since}
    with connection.cursor(row_factory=dict_row) as cursor:
        (found,) = cursor.execute(query("count_sent"), {**starts, "bound": bound})
    return {
        "ever": _guessed(connection, found["ever"], bound, "with_status", status=Status.SENT),
        **{
            name: _guessed(connection, found[name], bound, "sent_from", since=start)
            for name, start in starts.items()
        },
    }


def count_failed(connection: Connection, since: datetime, bound: int | None) -> list[Failure]:
    """What failed since then, the most frequent reason first: of the newest ``bound``."""
    return fetch_rows(connection, "count_failed", Failure, since=since, bound=bound)


def count_no_address(connection: Connection, since: datetime, bound: int | None) -> Count:
    """What was cancelled since then for want of an address: of the newest ``bound`` cancelled."""
    with connection.cursor(row_factory=dict_row) as cursor:
        (found,) = cursor.execute(query("count_no_address"), {"since": since, "bound": bound})
    return Count(found["messages"], is_cut(found["cancelled"], bound))


def count_undelivered(
    connection: Connection, span: timedelta, bound: int | None
) -> list[UndeliveredCount]:
    """What was sent within ``span`` and did not arrive, the most frequent reason first: of the
    newest ``bound``."""
    return fetch_rows(connection, "count_undelivered", UndeliveredCount, span=span, bound=bound)


def status_times(connection: Connection, span: timedelta) -> StatusTimes:
    """This moment by the database's clock, an hour ago, today's midnight, and ``span`` ago."""
    (found,) = fetch_rows(connection, "status_times", StatusTimes, span=span)
    return found


def next_due(connection: Connection) -> datetime | None:
    """When the next message falls due that is not due yet."""
    found: Any = fetch_value(connection, "next_due")
    return found if isinstance(found, datetime) else None


def paused_flows(connection: Connection) -> list[str]:
    """The names of flows that are paused."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return [str(name) for name in cursor.execute(query("paused_flows"))]


def count_paused(connection: Connection, bound: int | None = None) -> Count:
    """What would be due were its flow not paused, up to ``bound``."""
    number = 0
    for part, _ in parts_of(connection, None):
        values = {"bound": None if bound is None else bound - number}
        number += part.run(
            connection, "paused_in_part", query("count_paused"), scalar_row, **values
        )[0]
    return Count(number, is_cut(number, bound))


def unread_timezones(connection: Connection) -> list[UnreadZone]:
    """What leads have as their zone and nobody can read, the most frequent first."""
    return fetch_rows(connection, "unread_timezones", UnreadZone)


def _guessed(
    connection: Connection, number: int, bound: int | None, name: str, **values: object
) -> Count:
    """So many rows of a query; as many as the planner expects where that is the bound."""
    if not is_cut(number, bound):
        return Count(number)
    with connection.cursor(row_factory=scalar_row) as cursor:
        plan: Any = cursor.execute(b"explain (format json) " + query(name), values).fetchone()
    return Count(max(number, int(plan[0]["Plan"]["Plan Rows"])), is_estimated=True)
