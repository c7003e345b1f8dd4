"""The flows as an operator sees and steers them (``flows.sql``)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from psycopg.rows import scalar_row

from flowctl.database import Connection, query
from flowctl.model import JsonObject
from flowctl.store.fetching import fetch_rows
from flowctl.store.nodes import one_by_one, text_of


@dataclass(frozen=True, slots=True)
class FlowSummary:
    """A flow's settings, and what waits in it: ``leads`` with a pending message, ``pending``
    messages, and when the next of them falls due."""

    name: str
    enabled: bool
    paused_at: datetime | None
    timezone: str
    steps: int
    leads: int
    pending: int
    next_due: datetime | None
    audience: JsonObject | None
    exit_when: JsonObject | None
    send_window: JsonObject | None
    expire_after: timedelta | None
    min_gap: timedelta | None
    dedupe_address: bool


@dataclass(frozen=True, slots=True)
class LateMessages:
    """Pending messages of a flow whose time has come, of how many leads, and since when."""

    messages: int
    leads: int
    oldest: datetime | None


def list_flows(connection: Connection) -> list[FlowSummary]:
    """All flows, by name."""
    return fetch_rows(connection, "list_flows", FlowSummary)


def flow_names(connection: Connection) -> list[str]:
    """The names of all flows."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return list(cursor.execute(query("flow_names")).fetchall())


def flow_senders(connection: Connection) -> dict[str, JsonObject]:
    """Who the messages of a flow come from, for each flow that says so."""
    return {str(n): cast(JsonObject, s) for n, s in connection.execute(query("flow_senders"))}


def lock_flow(connection: Connection, flow: str) -> datetime | None:
    """Since when a flow is paused, null where it is not; nobody else changes it until the end of
    the transaction."""
    one_by_one(connection)
    with connection.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute(query("lock_flow"), {"flow": flow}).fetchone()
    return found if isinstance(found, datetime) else None


def pause_flow(connection: Connection, flow: str) -> None:
    """Let its messages wait from now on."""
    connection.execute(query("pause_flow"), {"flow": flow})


def resume_flow(connection: Connection, flow: str) -> None:
    """Let its messages go again."""
    connection.execute(query("resume_flow"), {"flow": flow})


def late_messages(connection: Connection, flow: str) -> LateMessages:
    """What has come due and was not sent."""
    (found,) = fetch_rows(connection, "late_messages", LateMessages, flow=flow)
    return found


def skip_late(connection: Connection, flow: str) -> int:
    """Cancel what came due meanwhile; returns how many messages."""
    connection.execute(text_of(connection, "lock_pending_of_flow"), {"flow": flow})
    return connection.execute(query("skip_late"), {"flow": flow}).rowcount


def shift_late(connection: Connection, flow: str) -> int:
    """Move all pending messages of each lead that has late ones by whole days of its clock; returns
    how many messages."""
    connection.execute(text_of(connection, "lock_pending_of_flow"), {"flow": flow})
    return connection.execute(query("shift_late"), {"flow": flow}).rowcount
