"""What Liquid's ``date`` takes for a date: timestamps, dates, times of day, epochs, and words."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal

from dateutil import parser

_DIGITS = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_COMPACT_DATE = re.compile(r"(?:19|20|21)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[+-]\d\d(?::?\d\d)?)?", re.ASCII)
# 14 March 2026; March 14, 2026 5 PM; 2026/03/14. A day before a month in digits is anybody's guess.
_WORDS = re.compile(
    r"(?=.*\b\d{4}\b)(?:.*\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b"
    r"|\d{4}/\d{1,2}/\d{1,2}\b)",
    re.IGNORECASE | re.ASCII,
)
_LONGEST = 60
"""Characters of a date in words."""
_START = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999; an epoch beyond it counts milliseconds."""


def to_datetime(value: object, *, now: datetime, zone: tzinfo) -> datetime | None:
    """The timestamp that a value means, on the clock of ``zone``; null for what is no date.

    A date or timestamp without an offset is on that clock already. A number, also as a string of
    digits, counts seconds since 1970 (UTC); eight digits that make a date are that date. ``now``
    and ``today`` are ``now``; a time of day is that of today.
    """
    try:
        match value:
            case bool():
                return None
            case datetime():
                return _in_zone(value, zone)
            case date():
                return datetime.combine(value, time(), zone)
            case int() | float() | Decimal():
                return _epoch(Decimal(value), zone)
            case str():
                return _read(value.strip(), now.astimezone(zone), zone)
            case _:
                return None
    except (ValueError, OverflowError, ArithmeticError):
        return None


def _read(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """Raises ValueError for what only looks like a date."""
    if text.lower() in {"now", "today"}:
        return now
    if _DIGITS.fullmatch(text) and not _COMPACT_DATE.fullmatch(text):
        return _epoch(Decimal(text), zone)
    if _TIME.fullmatch(text):
        return _in_zone(datetime.combine(now.date(), time.fromisoformat(text)), zone)
    if len(text) <= _LONGEST and _WORDS.match(text):
        default = _START.replace(tzinfo=None)
        return _in_zone(parser.parse(text, default=default, tzinfos=_offset), zone)
    return _in_zone(datetime.fromisoformat(text), zone)


def _offset(name: str | None, seconds: int | None) -> tzinfo | None:
    """The zone of a date in words. Raises ValueError for one that is named by letters alone."""
    if seconds is not None:
        return timezone(timedelta(seconds=seconds))
    if name is not None:
        raise ValueError(name)
    return None


def _in_zone(timestamp: datetime, zone: tzinfo) -> datetime:
    return (
        timestamp.replace(tzinfo=zone) if timestamp.tzinfo is None else timestamp.astimezone(zone)
    )


def _epoch(seconds: Decimal, zone: tzinfo) -> datetime:
    if abs(seconds) > _LAST_SECOND:
        seconds /= 1000
    whole = int(seconds // 1)
    shift = timedelta(seconds=whole, microseconds=int((seconds - whole) * 1_000_000))
    return (_START + shift).astimezone(zone)
