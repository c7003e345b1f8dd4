"""Where things stand, and what is to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flowctl.database import Connection
from flowctl.model import Channel, Status
from flowctl.settings import Settings
from flowctl.store import status as store
from flowctl.store.status import ForecastDay, UndeliveredCount

REASONS = 20
"""Reasons of failures that are told, the most frequent first."""


LATELY = timedelta(days=7)
"""How long ago a message may have been sent whose delivery is told of."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason, and how many messages failed for it."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class StatusSummary:
    """Where things stand.

    ``due`` counts what a dispatcher would take now, ``held`` what of it waits for a channel to be
    configured. ``oldest_due_seconds`` is null when nothing is due, ``next_due`` the earliest moment
    in the future at which something will be. ``undelivered`` is of what was sent lately.
    """

    counts: Mapping[Status, int]
    due: int
    oldest_due_seconds: int | None
    next_due: datetime | None
    held: Mapping[Channel, int]
    failures: Sequence[Failure]
    undelivered: Sequence[UndeliveredCount]


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many messages fall due on each of the coming days of ``timezone``."""

    timezone: str
    days: Sequence[ForecastDay]


def standing(connection: Connection, settings: Settings) -> StatusSummary:
    """Where things stand at one moment."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        counted = store.count_statuses(connection)
        due = store.due_by_channel(connection)
        next_due = store.next_due(connection)
        undelivered = store.count_undelivered(connection, LATELY)
    counts = dict.fromkeys(Status, 0)
    for entry in counted:
        counts[entry.status] += entry.messages
    failures = [
        Failure(entry.reason or "", entry.messages)
        for entry in sorted(counted, key=lambda entry: (-entry.messages, entry.reason or ""))
        if entry.status is Status.FAILED
    ]
    is_configured = {
        Channel.EMAIL: settings.smtp is not None,
        Channel.TEXT: settings.twilio is not None,
    }
    held = dict.fromkeys(Channel, 0)
    held |= {one.channel: one.messages for one in due if not is_configured[one.channel]}
    return StatusSummary(
        counts=counts,
        due=sum(one.messages for one in due),
        oldest_due_seconds=max((one.oldest_seconds for one in due), default=None),
        next_due=next_due,
        held=held,
        failures=failures[:REASONS],
        undelivered=undelivered,
    )


def forecast(connection: Connection, days: int) -> Forecast:
    """What falls due on each of the coming days in the zone of the flow ``default``, today first;
    what is overdue counts for today."""
    found = store.forecast(connection, days)
    return Forecast(found[0].zone, found)
