"""The schedule in plain Python, thought out anew from the contract: what the database must say.

It asks no database. Where SQL looks for candidates, this cuts time into chunks in which the
clock runs evenly and intersects them with the window.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from flowctl.model import Flow, JsonObject, Step, TimeType
from tests.support.zones import Zones, change_between, shift_at

DAY = timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

HORIZON = 20 * DAY
"""A window of one day a week opens within it, even where a clock change takes one opening away."""


class Skipped(StrEnum):
    """Why a step is not scheduled, in the database's words."""

    FLOW_OFF = "flow is off"
    STEP_OFF = "step is off"
    NO_TIME = "step has no readable time"
    AUDIENCE = "lead is not in the audience"
    BEHIND = "its date has passed for this lead"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One step for one lead. ``planned_for`` is before clamping and the window; times are UTC."""

    zone: str
    planned_for: datetime
    scheduled_for: datetime
    skipped: Skipped | None


@dataclass(frozen=True, slots=True)
class Window:
    """A send window: from ``opens`` until ``closes``, which is exclusive, on some days of the week.

    One that closes at or before its opening does so on the next day; null is the end of the day.
    """

    opens: time
    closes: time | None
    days: frozenset[int]

    @classmethod
    def of(cls, given: JsonObject) -> "Window":
        """Read ``send_window`` as the table has it, with times like ``21:30``."""
        start, end = given.get("start"), given.get("end")
        return cls(
            time.fromisoformat(start) if start else time.min,
            time.fromisoformat(end) if end else None,
            frozenset(map(WEEKDAYS.index, given.get("days", WEEKDAYS))),
        )

    def openings(self, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
        """The intervals on the wall clock of the windows that open on these days."""
        for number in range((last - first).days + 1):
            day = first + number * DAY
            if day.weekday() not in self.days:
                continue
            begin = datetime.combine(day, self.opens)
            end = datetime.combine(day, self.closes or time.min)
            yield begin, end if end > begin else end + DAY


@dataclass(frozen=True, slots=True)
class Chunk:
    """A time in which a zone's clock runs evenly, ``shift`` ahead of UTC; without its end."""

    begin: datetime
    end: datetime
    shift: timedelta


def schedule(
    lead: JsonObject,
    created_at: datetime | None,
    seen_at: datetime,
    flow: Flow,
    step: Step,
    *,
    zones: Zones,
) -> Scheduled:
    """When ``step`` goes to a lead that was created at ``created_at`` (null: nobody knows when)."""
    own = lead.get("timezone")
    name = (zones.named(own) if isinstance(own, str) else None) or flow.timezone
    zone = zones[name]
    created = created_at or seen_at
    planned = _planned(created, step, zone)
    timestamp = max(planned, created, seen_at)
    if (window := _window(flow, step)) is not None:
        edge = window_edge(timestamp, zone, window, wanted=True)
        assert edge is not None, "a window opens at some time"
        timestamp = edge
    return Scheduled(
        name, planned, timestamp, _skipped(lead, flow, step, planned, seen_at.astimezone(zone))
    )


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """When the wall clock shows ``wall``: if it does so twice, the second; if never,
    as much later as the clock was put forward.

    PEP 495: of a repeated time fold 0 is the earlier reading; of a skipped one fold 0 counts with
    the offset from before the gap, which gives the later time. So it is the later one both times.
    """
    return max(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def window_edge(
    timestamp: datetime, zone: tzinfo, window: Window, *, wanted: bool
) -> datetime | None:
    """The first time from ``timestamp`` on inside the window, or outside; null for none."""
    inside = sorted(_open_times(timestamp, zone, window))
    if wanted:
        return next((max(begin, timestamp) for begin, end in inside if end > timestamp), None)
    edge = timestamp
    for begin, end in inside:
        if begin <= edge < end:
            edge = end
    return edge if edge < timestamp + HORIZON else None


def contains(whole: object, part: object) -> bool:
    """Whether JSON contains JSON, below the top level: PostgreSQL's manual, section 8.14.3."""
    match whole, part:
        case dict(), dict():
            return all(k in whole and contains(whole[k], part[k]) for k in part)
        case list(), list():
            return all(any(contains(one, wanted) for one in whole) for wanted in part)
        case bool(), _:
            return whole is part
        case _, bool():
            return False
        case (int() | float(), int() | float()) | (str(), str()) | (None, None):
            return whole == part
        case _:
            return False


def chunks(begin: datetime, end: datetime, zone: tzinfo) -> Iterator[Chunk]:
    """Cut a time into chunks in which the clock of the zone runs evenly."""
    start, here = begin, begin
    while here < end:
        following = min(here + DAY, end)
        if shift_at(here, zone) != shift_at(following, zone):
            change = change_between(here, following, zone)
            yield Chunk(start, change, shift_at(start, zone))
            start = change
        here = following
    yield Chunk(start, end, shift_at(start, zone))


def _planned(created: datetime, step: Step, zone: tzinfo) -> datetime:
    wall = created.astimezone(zone).replace(tzinfo=None)
    if step.time_type is TimeType.SPECIFIC:
        assert step.time is not None
        return instant(
            datetime.combine(wall.date() + step.day * DAY, time.fromisoformat(step.time)), zone
        )
    return instant(wall + step.day * DAY, zone) if step.day else created


def _window(flow: Flow, step: Step) -> Window | None:
    given = flow.send_window
    if given is None or step.type not in given.get("types", [step.type]):
        return None
    return Window.of(given)


def _skipped(
    lead: JsonObject, flow: Flow, step: Step, planned: datetime, seen_at: datetime
) -> Skipped | None:
    if not flow.enabled:
        return Skipped.FLOW_OFF
    if not step.enabled:
        return Skipped.STEP_OFF
    if flow.audience is not None and not contains(lead, flow.audience):
        return Skipped.AUDIENCE
    is_of_an_earlier_day = planned.astimezone(seen_at.tzinfo).date() < seen_at.date()
    is_late = seen_at.astimezone(UTC) - planned > DAY
    return Skipped.BEHIND if is_of_an_earlier_day and is_late else None


def _open_times(
    timestamp: datetime, zone: tzinfo, window: Window
) -> Iterator[tuple[datetime, datetime]]:
    """When the window is open, as intervals in UTC, cut at every clock change."""
    for chunk in chunks(timestamp, timestamp + HORIZON, zone):
        first = _wall(chunk.begin, chunk.shift)
        last = _wall(chunk.end, chunk.shift)
        for opens, closes in window.openings(first.date() - DAY, last.date()):
            begin = max(opens.replace(tzinfo=UTC) - chunk.shift, chunk.begin)
            end = min(closes.replace(tzinfo=UTC) - chunk.shift, chunk.end)
            if begin < end:
                yield begin, end


def _wall(timestamp: datetime, shift: timedelta) -> datetime:
    return (timestamp + shift).replace(tzinfo=None)
