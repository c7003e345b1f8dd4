"""Spans of time as people write them: ``36h``, ``2d``, ``1h30m``, ``10s``."""

import re
from datetime import timedelta
from decimal import Decimal

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

EXPECTED = "a length of time such as 36h, 2d or 1h30m"
"""What ``parse_duration`` reads, for messages about what it does not."""

LONGEST = timedelta(days=36_500)
"""A hundred years: what is longer is a slip of the pen."""


def parse_duration(written: str) -> timedelta:
    """The length of time that ``written`` names.

    Weeks, days, hours, minutes and seconds, in this order; a day is 24 hours. Raises
    ``ValueError`` for anything else, for zero and beyond ``LONGEST``.
    """
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise ValueError(EXPECTED)
    seconds = sum(
        (
            Decimal(number) * (unit // timedelta(seconds=1))
            for number, unit in zip(match.groups(), _UNITS.values(), strict=True)
            if number
        ),
        Decimal(0),
    )
    if not 0 < seconds <= LONGEST // timedelta(seconds=1):
        raise ValueError(EXPECTED)
    return timedelta(microseconds=int(seconds * 1_000_000))


def format_duration(duration: timedelta) -> str:
    """The shortest way to write a positive length of time: ``36h`` and not ``1d12h``."""
    for letter in "dhms":
        number, remainder = divmod(duration, _UNITS[letter])
        if not remainder:
            return f"{number}{letter}"
    seconds, rest = divmod(duration, _UNITS["s"])
    return f"{seconds}.{rest.microseconds:06}".rstrip("0") + "s"


def rough_duration(seconds: int) -> str:
    """A length of time for people, in its two largest units: ``2d 5h``, ``12m 3s``."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour}h"
    if hours:
        return f"{hours}h {minute}m"
    return f"{minute}m {second}s" if minutes else f"{second}s"
