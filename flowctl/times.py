"""Times of day and durations as people write them.

A time of day is read and stored by the same rules as the database's ``flowctl.time_of_day`` and
``flowctl.clock_text``.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class When:
    """A moment as a person gives it: a date and time (naive where no offset is written), or a
    duration ago. ``written`` is what was typed."""

    written: str
    at: datetime | None = None
    ago: timedelta | None = None

    def resolve(self, now: datetime, zone: tzinfo) -> datetime:
        """The moment that is meant; a time without an offset is on the clock of ``zone``."""
        if self.ago is not None:
            return now - self.ago
        assert self.at is not None  # noqa: S101  # one of the two is given
        return self.at if self.at.tzinfo is not None else self.at.replace(tzinfo=zone)


_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_WRITTEN = re.compile(
    r"\s*(?:(\d+)w)?\s*(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+(?:\.\d{1,6})?)s)?\s*",
    re.ASCII | re.IGNORECASE,
)

A_DURATION = "a duration such as 36h, 2d or 1h30m"
"""What ``parse_duration`` reads, for messages about what it does not."""

LONGEST = timedelta(days=36_500)
"""A hundred years: what is longer is a slip of the pen."""


def parse_duration(written: str) -> timedelta:
    """The duration that ``written`` names.

    Weeks, days, hours, minutes and seconds, in this order; a day is 24 hours. Raises
    ``ValueError`` for anything else, for zero and beyond ``LONGEST``.
    """
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise ValueError(A_DURATION)
    seconds = sum(
        (
            Decimal(number) * (unit // timedelta(seconds=1))
            for number, unit in zip(match.groups(), _UNITS.values(), strict=True)
            if number
        ),
        Decimal(0),
    )
    if not 0 < seconds <= LONGEST // timedelta(seconds=1):
        raise ValueError(A_DURATION)
    return timedelta(microseconds=int(seconds * 1_000_000))


def format_duration(duration: timedelta) -> str:
    """The shortest way to write a positive duration: ``36h`` and not ``1d12h``."""
    for letter in "dhms":
        number, remainder = divmod(duration, _UNITS[letter])
        if not remainder:
            return f"{number}{letter}"
    seconds, rest = divmod(duration, _UNITS["s"])
    return f"{seconds}.{rest.microseconds:06}".rstrip("0") + "s"


def rough_duration(seconds: int) -> str:
    """A duration for people, in its two largest units: ``2d 5h``, ``12m 3s``."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour}h"
    if hours:
        return f"{hours}h {minute}m"
    return f"{minute}m {second}s" if minutes else f"{second}s"


_TWELVE = re.compile(
    r"\s*(\d{1,2})(?::(\d{2}))?(?::00)?\s*([ap])\.?m\.?\s*", re.ASCII | re.IGNORECASE
)
_TWENTY_FOUR = re.compile(r"\s*(\d{1,2}):(\d{2})(?::00)?\s*", re.ASCII)

A_TIME = "a time of day such as 9:00 AM"
"""What ``parse_time_of_day`` reads, for messages about what it does not."""


def parse_time_of_day(written: str) -> time:
    """Read ``9:00 AM``, ``9 am``, ``09:00`` or ``21:30``; ``12:00 AM`` is midnight.

    Raises ``ValueError`` for anything else.
    """
    if match := _TWELVE.fullmatch(written):
        hour, minute, half = int(match[1]), int(match[2] or 0), match[3].lower()
        if not 1 <= hour <= 12:  # noqa: PLR2004  # a clock face
            raise ValueError(A_TIME)
        hour = hour % 12 + (12 if half == "p" else 0)
    elif match := _TWENTY_FOUR.fullmatch(written):
        hour, minute = int(match[1]), int(match[2])
    else:
        raise ValueError(A_TIME)
    try:
        return time(hour, minute)
    except ValueError:
        raise ValueError(A_TIME) from None


def clock_text(time_of_day: time) -> str:
    """The stored form, ``9:00 AM``; minutes are the finest there is."""
    half = "AM" if time_of_day.hour < 12 else "PM"  # noqa: PLR2004  # a clock face
    return f"{time_of_day.hour % 12 or 12}:{time_of_day.minute:02} {half}"
