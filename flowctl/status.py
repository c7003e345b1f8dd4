"""Where things stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flowctl.database import Connection
from flowctl.model import Channel, Status
from flowctl.settings import Settings
from flowctl.store import runs
from flowctl.store import status as store
from flowctl.store.runs import DispatcherAtWork, LastRun
from flowctl.store.status import Count, Due, Over, UndeliveredCount, UnreadZone

REASONS = 20
"""Reasons of failures that are told, the most frequent first."""

EXAMPLES = 5
"""Unread time zones that are shown."""

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason, and how many messages failed for it."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class UnreadZones:
    """How many leads have a time zone that nobody can read, and what stands there."""

    count: int
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class StatusSummary:
    """Where things stand.

    ``due`` counts what a dispatcher would take now, ``held`` what of it waits for a channel to be
    configured, ``paused`` what waits beside it for a flow to be resumed. ``oldest_due_seconds`` is
    null when nothing is due, ``next_due`` the earliest moment in the future at which something will
    be. ``sent`` has the keys hour, today (of ``zone``) and since; ``failures``, ``undelivered`` and
    ``no_address`` are of that last span. ``estimated`` names what was not counted to its end.
    """

    counts: Mapping[Status, int]
    due: int
    oldest_due_seconds: int | None
    next_due: datetime | None
    held: Mapping[Channel, int]
    failures: Sequence[Failure]
    undelivered: Sequence[UndeliveredCount]
    sent: Mapping[str, int]
    flows_paused: Sequence[str]
    paused: int
    no_address: int
    unread_timezones: UnreadZones
    dispatchers: Sequence[DispatcherAtWork]
    last_run: LastRun | None
    estimated: Sequence[str]
    zone: str


def summarize(connection: Connection, settings: Settings, span: timedelta) -> StatusSummary:
    """Where things stand at one moment; what is over is told of as far back as ``span``."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        times = store.status_times(connection, span)
        large = store.is_large(connection)
        counts = dict.fromkeys(Status, Count(0))
        counts |= store.count_statuses(connection, large=large)
        sent = {
            "hour": store.count_sent(connection, times.now - HOUR, large=large),
            "today": store.count_sent(connection, times.today, large=large),
            "since": store.count_sent(connection, times.since, large=large),
        }
        due = store.due_by_channel(connection, store.DUE_BOUND if large else None)
        over = store.count_over(connection, times.since)
        flows_paused = store.paused_flows(connection)
        return StatusSummary(
            counts={status: count.number for status, count in counts.items()},
            due=sum(one.messages for one in due),
            oldest_due_seconds=max((one.oldest_seconds for one in due), default=None),
            next_due=store.next_due(connection),
            held=_held(due, settings),
            failures=_failures(over),
            undelivered=store.count_undelivered(connection, span),
            sent={name: count.number for name, count in sent.items()},
            flows_paused=flows_paused,
            paused=store.count_paused(connection) if flows_paused else 0,
            no_address=sum(one.messages for one in over if one.has_no_address),
            unread_timezones=_unread(store.unread_timezones(connection)),
            dispatchers=runs.dispatchers(connection),
            last_run=runs.last_run(connection),
            estimated=[
                *(f"counts.{status}" for status, count in counts.items() if count.is_estimated),
                *(f"sent.{name}" for name, count in sent.items() if count.is_estimated),
            ],
            zone=times.zone,
        )


def _held(due: Sequence[Due], settings: Settings) -> dict[Channel, int]:
    is_configured = {
        Channel.EMAIL: settings.smtp is not None,
        Channel.TEXT: settings.twilio is not None,
    }
    held = dict.fromkeys(Channel, 0)
    return held | {one.channel: one.messages for one in due if not is_configured[one.channel]}


def _failures(over: Sequence[Over]) -> list[Failure]:
    found = [Failure(one.reason or "", one.messages) for one in over if not one.has_no_address]
    return found[:REASONS]


def _unread(zones: Sequence[UnreadZone]) -> UnreadZones:
    return UnreadZones(sum(one.leads for one in zones), [one.name for one in zones[:EXAMPLES]])
