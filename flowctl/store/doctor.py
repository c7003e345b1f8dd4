"""What the doctor sees of a database (``doctor.sql``, ``rights.sql``): all of it only read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from psycopg import errors
from psycopg.rows import dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel
from flowctl.store.fetching import fetch_rows

CHECK_SECONDS = 30
"""How long one look at a large table may take."""


_Record = TypeVar("_Record")


class CheckSkipped(Exception):
    """The role may not look there, or the look took too long; ``hint`` is what would help."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Server:
    """The server and the role; ``version_number`` as PostgreSQL counts: 150004 is 15.4."""

    version_number: int
    version: str
    name: str
    role: str
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger on a table of ours; ``schedules``: its function writes messages or has it done."""

    table_name: str
    name: str
    function: str
    is_enabled: bool
    schedules: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a name of ours; ``body`` is its text between the quotes."""

    name: str
    body: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, and why, or the SQL that puts it right."""

    what: str
    reason: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Visibility:
    """Whether the role may read leads, whether row-level security hides them all from it, and
    whether it may ask if a lead that it does not see is there (``may_ask``)."""

    role: str
    may_read: bool
    may_ask: bool
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of something there are, and for how many seconds the oldest has been so."""

    number: int
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a text: whether nobody got it, and the provider's code."""

    code: str | None
    is_undelivered: bool


@dataclass(frozen=True, slots=True)
class ReturnedEmails:
    """Of so many emails, how many came back and how many were complained of."""

    emails: int
    bounced: int
    refused: int
    complained: int


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """Leads that lack all messages: those whose steps are still ahead, and those too late for it.

    ``lead_id`` and ``flow`` are of one of the former.
    """

    in_time: int
    too_late: int
    lead_id: str | None
    flow: str | None


@dataclass(frozen=True, slots=True)
class Demand:
    """What waits for a channel: due messages, all pending ones, enabled steps of enabled flows."""

    channel: Channel
    due: int
    pending: int
    steps: int


@dataclass(frozen=True, slots=True)
class Horizon:
    """Who has kept vacuum from cleaning up for that long, and the SQL that ends it."""

    what: str
    cure: str
    seconds: int


@dataclass(frozen=True, slots=True)
class TableHealth:
    """Rows of ``message_logs`` as the statistics have them, and the index of what is due."""

    live: int
    dead: int
    vacuumed_at: datetime | None
    has_due_index: bool
    index_bytes: int
    index_rows: int


@contextmanager
def checking(connection: Connection) -> Iterator[None]:
    """A transaction that writes nothing and takes no longer for one check than CHECK_SECONDS.

    Raises CheckSkipped where the role may not read something, or the check was cut short.
    """
    try:
        with connection.transaction():
            connection.execute(query("limit_check"), {"seconds": CHECK_SECONDS})
            yield
    except errors.InsufficientPrivilege as error:
        reason = error.diag.message_primary or "permission denied"
        raise CheckSkipped(reason, "flowctl doctor, as the schema's owner") from error
    except errors.QueryCanceled as error:
        reason = f"it took longer than {CHECK_SECONDS} seconds"
        raise CheckSkipped(reason, "flowctl doctor, when the database is less busy") from error


def server_state(connection: Connection) -> Server:
    """The server and the role."""
    return _row(connection, "server_state", Server)


def lacks_schema(connection: Connection) -> bool:
    """Whether the schema was never applied, in whatever version."""
    return count(connection, "lacks_schema") > 0


def own_triggers(connection: Connection) -> list[Trigger]:
    """All triggers on our tables and on leads, but for those of constraints."""
    return fetch_rows(connection, "own_triggers", Trigger)


def own_functions(connection: Connection) -> list[Function]:
    """All functions of schema ``flowctl``, and those in ``public`` that have a name of ours."""
    return fetch_rows(connection, "own_functions", Function)


def lead_visibility(connection: Connection) -> Visibility:
    """What this role can see of leads."""
    return _row(connection, "lead_visibility", Visibility)


def findings(connection: Connection, name: str) -> list[Finding]:
    """The rows of a query that gives what is wrong."""
    return fetch_rows(connection, name, Finding)


def pending_by_step(connection: Connection) -> dict[UUID, int]:
    """How many pending messages each step has that has any."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("pending_by_step")).fetchall()
    return {row["id"]: row["number"] for row in rows}


def count(connection: Connection, name: str, **values: object) -> int:
    """The number that a query counts."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return int(cursor.execute(query(name), values).fetchone() or 0)


def is_pair_unique(connection: Connection) -> bool:
    """Whether an index keeps a lead from having two messages of one step."""
    return count(connection, "pair_indexes") > 0


def stale_claims(connection: Connection, overdue: timedelta) -> Waiting:
    """Claims that ended longer than ``overdue`` ago and were not taken since."""
    return _row(connection, "stale_claims", Waiting, overdue=overdue)


def doubtful_sends(connection: Connection) -> Waiting:
    """Sends whose lease has ended without an outcome."""
    return _row(connection, "doubtful_sends", Waiting)


def last_deliveries(connection: Connection, number: int) -> list[Delivery]:
    """What became of the last texts, at most so many."""
    return fetch_rows(connection, "last_deliveries", Delivery, batch_size=number)


def returned_emails(connection: Connection, number: int) -> ReturnedEmails:
    """What became of the last emails of a week, at most so many."""
    return _row(connection, "returned_emails", ReturnedEmails, batch_size=number)


def unscheduled_leads(connection: Connection, span: timedelta, *, batch_size: int) -> Unscheduled:
    """Leads created within ``span`` without messages; at most ``batch_size`` are looked at."""
    return _row(connection, "unscheduled_leads", Unscheduled, span=span, batch_size=batch_size)


def channel_demand(connection: Connection) -> dict[Channel, Demand]:
    """What waits for each channel."""
    return {
        Channel(demand.channel): demand
        for demand in fetch_rows(connection, "channel_demand", Demand)
    }


def oldest_horizon(connection: Connection) -> Horizon | None:
    """Who keeps vacuum from cleaning up, as far as this role can see."""
    found = fetch_rows(connection, "oldest_horizon", Horizon)
    return found[0] if found else None


def table_health(connection: Connection) -> TableHealth:
    """How ``message_logs`` is kept."""
    return _row(connection, "table_health", TableHealth)


def _row(connection: Connection, name: str, row_class: type[_Record], **values: object) -> _Record:
    return fetch_rows(connection, name, row_class, **values)[0]
