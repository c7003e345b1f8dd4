"""Where things stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from flowctl.database import Connection
from flowctl.model import Channel, Status
from flowctl.settings import Settings
from flowctl.store import runs
from flowctl.store import status as store
from flowctl.store.due import Due, due_by_channel
from flowctl.store.runs import DispatcherAtWork, LastRun
from flowctl.store.status import Count, Failure, StatusTimes, UndeliveredCount, UnreadZone, is_cut

REASONS = 20
"""Reasons of failures that are told, the most frequent first."""

EXAMPLES = 5
"""Unread time zones that are shown."""

_Entry = TypeVar("_Entry", Failure, UndeliveredCount)


@dataclass(frozen=True, slots=True)
class Breakdown(Generic[_Entry]):
    """How many for each reason, the most frequent first; of the newest ``of_newest`` alone, where
    they were not counted to their end."""

    entries: Sequence[_Entry]
    of_newest: int | None


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
    ``no_address`` are of that last span. In a large table ``counts`` and ``sent`` are estimates
    where they are many, and the others the least that there are.
    """

    counts: Mapping[Status, Count]
    due: Count
    oldest_due_seconds: int | None
    next_due: datetime | None
    held: Mapping[Channel, Count]
    failures: Breakdown[Failure]
    undelivered: Breakdown[UndeliveredCount]
    sent: Mapping[str, Count]
    flows_paused: Sequence[str]
    paused: Count
    no_address: Count
    unread_timezones: UnreadZones
    dispatchers: Sequence[DispatcherAtWork]
    last_run: LastRun | None
    zone: str

    @property
    def estimated(self) -> list[str]:
        """The names of what was not counted to its end."""
        return [name for name, is_estimated in self._estimates() if is_estimated]

    def _estimates(self) -> Iterator[tuple[str, bool]]:
        for name, counts in (("counts", self.counts), ("sent", self.sent), ("held", self.held)):
            for key, count in counts.items():
                yield f"{name}.{key}", count.is_estimated
        for name in ("due", "paused", "no_address"):
            yield name, getattr(self, name).is_estimated
        for name in ("failures", "undelivered"):
            yield name, getattr(self, name).of_newest is not None


def summarize(connection: Connection, settings: Settings, span: timedelta) -> StatusSummary:
    """Where things stand at one moment; what is over is told of as far back as ``span``."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        times = store.status_times(connection, span)
        bound = store.bound_of(connection)
        sent = store.count_sent(connection, times, bound)
        counts = dict.fromkeys(Status, Count(0)) | {Status.SENT: sent.pop("ever")}
        due = due_by_channel(connection, bound)
        flows_paused = store.paused_flows(connection)
        return StatusSummary(
            counts=counts | store.count_statuses(connection, bound),
            due=_sum(due, bound),
            oldest_due_seconds=max((one.oldest_seconds for one in due), default=None),
            next_due=store.next_due(connection),
            held=_held(due, settings, bound),
            failures=_failures(connection, times, bound),
            undelivered=_undelivered(connection, span, bound),
            sent=sent,
            flows_paused=flows_paused,
            paused=store.count_paused(connection, bound) if flows_paused else Count(0),
            no_address=store.count_no_address(connection, times.since, bound),
            unread_timezones=_unread(store.unread_timezones(connection)),
            dispatchers=runs.dispatchers(connection),
            last_run=runs.last_run(connection),
            zone=times.zone,
        )


def _sum(due: Sequence[Due], bound: int | None) -> Count:
    return Count(sum(one.messages for one in due), any(is_cut(one.messages, bound) for one in due))


def _held(due: Sequence[Due], settings: Settings, bound: int | None) -> dict[Channel, Count]:
    is_configured = {
        Channel.EMAIL: settings.smtp is not None,
        Channel.TEXT: settings.twilio is not None,
    }
    return {
        channel: _sum([one for one in due if one.channel is channel and not configured], bound)
        for channel, configured in is_configured.items()
    }


def _failures(connection: Connection, times: StatusTimes, bound: int | None) -> Breakdown[Failure]:
    found = store.count_failed(connection, times.since, bound)
    number = sum(failure.count for failure in found)
    return Breakdown(found[:REASONS], number if is_cut(number, bound) else None)


def _undelivered(
    connection: Connection, span: timedelta, bound: int | None
) -> Breakdown[UndeliveredCount]:
    found = store.count_undelivered(connection, span, bound)
    number = sum(entry.count for entry in found)
    return Breakdown(found, number if is_cut(number, bound) else None)


def _unread(zones: Sequence[UnreadZone]) -> UnreadZones:
    return UnreadZones(sum(one.leads for one in zones), [one.name for one in zones[:EXAMPLES]])
