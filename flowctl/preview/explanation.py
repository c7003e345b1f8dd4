"""How the time of a message came about, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from flowctl.preview.wording import days_text, span_text, timestamp_text, window_text
from flowctl.store.preview import ScheduleRow
from flowctl.times import clock_text


@dataclass(frozen=True, slots=True)
class Zones:
    """The lead's zone: as its row has it, and as the server knows it (null: not at all)."""

    written: str | None
    own: str | None


def explain(row: ScheduleRow, zones: Zones) -> tuple[str, ...]:
    """Why the message has its time, a sentence each, in the order in which the rules apply."""
    return tuple(_sentences(row, zones))


def _sentences(row: ScheduleRow, zones: Zones) -> Iterator[str]:
    yield _zone(row, zones)
    if row.planned_for is None or row.planned_local is None or row.day is None:
        yield (
            "it has no step: whoever inserted it chose its time"
            if row.is_own
            else "its step was deleted: how its time came about is not known any more"
        )
        return
    created = row.created_local or row.seen_local or row.planned_local
    yield _creation(row, created)
    yield from _plan(row, created, row.planned_local)
    yield from _moved(row)
    if row.status is None and row.skipped is not None:
        yield f"not scheduled: {row.skipped}"
    elif row.status is not None and row.computed_for != row.scheduled_for:
        yield f"it stands at {timestamp_text(row.scheduled_local)}: {_drift(row)}"
    if row.retry_local is not None and row.retry_at is not None:
        yield f"the next attempt is not before {timestamp_text(row.retry_local)}"
    if row.waits_local is not None:
        yield f"{_waiting(row)}: it waits until about {timestamp_text(row.waits_local)}"


def _waiting(row: ScheduleRow) -> str:
    """What dispatch will wait for."""
    reasons = []
    if row.min_gap is not None:
        reasons.append(f"min_gap {span_text(row.min_gap)} after the message before it")
    if row.opens is not None:
        reasons.append(f"the send window ({window_text(row.opens, row.closes, row.weekdays)})")
    return ", ".join(reasons)


def _drift(row: ScheduleRow) -> str:
    if row.is_moved_by_rules:
        return (
            f"the rules of {row.zone} were changed since it was scheduled "
            "(flowctl messages refresh moves it)"
        )
    return (
        "the lead, the step or the flow was changed since it was scheduled "
        "(flowctl messages refresh moves it), or dispatch moved or retried it"
    )


def _zone(row: ScheduleRow, zones: Zones) -> str:
    if zones.own is not None:
        own = "the lead's own"
        if zones.written is not None and zones.written.strip().lower() != row.zone.lower():
            own = f"what the lead's '{zones.written.strip()}' means"
        return f"zone {row.zone}: {own}"
    whose = "the flow's" if row.flow is not None else "that of the flow default"
    if zones.written is None or not zones.written.strip():
        return f"zone {row.zone}: {whose}, since the lead has none"
    return f"zone {row.zone}: {whose}, since the lead's '{zones.written}' is not an IANA time zone"


def _creation(row: ScheduleRow, created: datetime) -> str:
    if row.created_at is None:
        return f"the lead has no usable created_at: it counts as created {timestamp_text(created)}"
    what = "enrolled, and counts from" if row.is_enrolled else "created"
    return f"the lead was {what} {timestamp_text(created)}"


def _plan(row: ScheduleRow, created: datetime, planned: datetime) -> Iterator[str]:
    """The step's own time, and what a clock change made of it."""
    day = row.day or 0
    if row.time_of_day is not None:
        wanted = datetime.combine(created.date() + timedelta(days=day), row.time_of_day)
        yield f"day {day} at {clock_text(row.time_of_day)}: {timestamp_text(wanted)}"
    elif day:
        wanted = created + timedelta(days=day)
        yield f"{days_text(day)} later at the same time of day: {timestamp_text(wanted)}"
    else:
        yield "at once, when the lead is created"
        return
    if planned != wanted:
        yield (
            f"{clock_text(wanted.time())} does not exist on that day, the clock goes forward: "
            f"{timestamp_text(planned)}"
        )
    elif row.planned_repeats:
        yield f"{clock_text(wanted.time())} comes twice on that day, the clock goes back: the later"


def _moved(row: ScheduleRow) -> Iterator[str]:
    """Out of the past, and into the send window."""
    if row.planned_for is None or row.seen_at is None or row.seen_local is None:
        return
    created = row.created_at or row.seen_at
    earliest = max(created, row.seen_at)
    is_behind = row.skipped is not None and row.planned_for < row.seen_at
    if row.planned_for < earliest and not is_behind:
        if created > row.seen_at and row.created_local is not None:
            yield f"not before the lead's creation: {timestamp_text(row.created_local)}"
        else:
            yield f"already past when it was scheduled: at once, {timestamp_text(row.seen_local)}"
    if is_behind or row.opens is None or row.computed_for is None or row.computed_local is None:
        return
    window = window_text(row.opens, row.closes, row.weekdays)
    if row.computed_for > max(row.planned_for, earliest):
        yield f"outside the send window ({window}): moved to {timestamp_text(row.computed_local)}"
    else:
        yield f"inside the send window ({window})"
