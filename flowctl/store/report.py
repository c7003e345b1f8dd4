"""What a report shows (``report.sql``)."""

from dataclasses import dataclass
from datetime import date, datetime

from flowctl.database import Connection
from flowctl.store.fetching import fetch_rows


@dataclass(frozen=True, slots=True)
class StepFunnel:
    """A step, and what became of its messages; ``opted_out`` are addresses that it made leave."""

    flow: str
    key: str | None
    step_order: int
    type: str
    day: int
    time: str | None
    subject: str | None
    content: str | None
    is_on: bool
    is_paused: bool
    sent: int
    delivered: int
    failed: int
    cancelled: int
    bounced: int
    opted_out: int
    pending: int


@dataclass(frozen=True, slots=True)
class DaySent:
    """What was sent on a day."""

    date: date
    email: int
    text: int


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason, and how many messages failed for it."""

    reason: str | None
    count: int


def steps(connection: Connection, since: datetime, flow: str | None) -> list[StepFunnel]:
    """Every step, by flow and order."""
    return fetch_rows(connection, "report_steps", StepFunnel, since=since, flow=flow)


def days(connection: Connection, since: datetime, zone: str, flow: str | None) -> list[DaySent]:
    """What was sent on each day of ``zone``, the first one first."""
    return fetch_rows(connection, "report_days", DaySent, since=since, zone=zone, flow=flow)


def failures(connection: Connection, since: datetime, flow: str | None) -> list[Reason]:
    """Why messages failed, the most frequent first."""
    return fetch_rows(connection, "report_failures", Reason, since=since, flow=flow)
