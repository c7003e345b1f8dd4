"""The rules of every zone as a text that the database reads (``flowctl.take_zones``).

Clock changes are those of the package's TZif files (RFC 9636), from 1970 on. The rule at a file's
end, which holds for ever, is asked of ``zoneinfo`` year by year, until 28 years follow each other
in which the calendar has every kind of year: from then on years repeat.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from functools import cache
from struct import calcsize, unpack_from

from flowctl import zones

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_HEADER = ">4sc15x6l"
_SOON = 2040
"""Years that messages are planned for are not the repeated ones, which take longer to look up."""

_LAST_BEFORE_2100 = 2100 - 28
"""Of 28 years that begin later some miss a leap year: 2100 is none."""

_STEP = timedelta(days=14)
"""No rule changes a clock twice within so short a time."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A zone's clock from 1970 on, in seconds: how far it is ahead of UTC at first, and each change
    as when and to what. From the year ``repeats_from`` on the 28 before repeat; null: no change
    comes any more."""

    first: int
    changes: tuple[tuple[int, int], ...]
    repeats_from: int | None


def statement() -> str:
    """The statement by which the database takes the rules, unless it has newer ones."""
    release = zones.release()
    return (
        f"-- The tz database, release {release}.\n"
        "do $do$ begin\n"
        f"perform flowctl.take_zones('{release}', $rules$\n{rules_text()}\n$rules$);\n"
        "end $do$;\n"
    )


@cache
def rules_text() -> str:
    """A line for each clock, with all names that have it."""
    names: dict[Clock, list[str]] = defaultdict(list)
    for name in sorted(zones.names().values()):
        names[clock_of(name)].append(name)
    return "\n".join(
        "|".join(
            (
                " ".join(shared),
                "" if clock.repeats_from is None else str(clock.repeats_from),
                ",".join(_minutes(instant) for instant, _ in clock.changes),
                ",".join(map(_minutes, (clock.first, *(ahead for _, ahead in clock.changes)))),
            )
        )
        for clock, shared in names.items()
    )


def clock_of(name: str) -> Clock:
    """The clock of a zone of the package."""
    changes, rule = _read(zones.tzif(name))
    first = max((change for change in changes if change[0] <= 0), default=changes[0])[1]
    later = [change for change in changes if change[0] > 0]
    repeats_from = None
    if "," in rule:
        begin = _EPOCH + timedelta(seconds=max(0, later[-1][0] if later else 0))
        start = max(begin.year + 1, _SOON)
        if start > _LAST_BEFORE_2100:
            start = max(start, 2101)
        repeats_from = start + 28
        # a year more, so that whoever looks ahead from the last of them sees a change to come
        end = datetime(repeats_from + 1, 1, 1, tzinfo=UTC)
        later += _changes_between(begin, end, zones.zone_info(name))
    return Clock(first, tuple(_without_repeats(first, later)), repeats_from)


def _read(data: bytes) -> tuple[list[tuple[int, int]], str]:
    """The changes that a TZif file lists, the first at the beginning of time, and its rule."""
    _, _, *counts = unpack_from(_HEADER, data)
    utc, standard, leaps, times, types, characters = counts
    second = calcsize(_HEADER) + 5 * times + 6 * types + characters + 8 * leaps + standard + utc
    _, _, *counts = unpack_from(_HEADER, data, second)
    utc, standard, leaps, times, types, characters = counts
    at = second + calcsize(_HEADER)
    instants = unpack_from(f">{times}q", data, at)
    kinds = unpack_from(f">{times}B", data, at + 8 * times)
    offsets = [unpack_from(">l", data, at + 9 * times + 6 * kind)[0] for kind in range(types)]
    rule = at + 9 * times + 6 * types + characters + 12 * leaps + standard + utc
    changes = [(-(2**63), offsets[0])]
    changes += [(instant, offsets[kind]) for instant, kind in zip(instants, kinds, strict=True)]
    return changes, data[rule:].strip(b"\n").decode("ascii")


def _changes_between(begin: datetime, end: datetime, zone: tzinfo) -> Iterator[tuple[int, int]]:
    """The changes of a clock that its rule makes, after ``begin``."""
    here = begin
    while here < end:
        following = min(here + _STEP, end)
        if _ahead(here, zone) != _ahead(following, zone):
            low, high = here, following
            while high - low > _MINUTE:
                middle = low + (high - low) // _MINUTE // 2 * _MINUTE
                if _ahead(middle, zone) == _ahead(here, zone):
                    low = middle
                else:
                    high = middle
            yield int((high - _EPOCH).total_seconds()), _ahead(high, zone)
        here = following


def _ahead(timestamp: datetime, zone: tzinfo) -> int:
    offset = timestamp.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _without_repeats(first: int, changes: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Leave out what changes a name or a flag only."""
    held = first
    for instant, ahead in changes:
        if ahead != held:
            yield instant, ahead
        held = ahead


def _minutes(seconds: int) -> str:
    """Exactly, as a decimal number: clocks have been changed at half minutes."""
    minutes = Fraction(seconds, 60)
    return str(minutes.numerator if minutes.denominator == 1 else float(minutes))
