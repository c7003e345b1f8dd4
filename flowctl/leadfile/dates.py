"""Dates and times as people and programs write them; the order of day and month is never guessed.

Where the year comes first the order is year, month, day. Where it comes last, dots mean day first;
for slashes and hyphens the whole file has one order, which any part above 12 gives away.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum

EARLIEST, LATEST = 1, 9900
"""Years that both Python and the schedule can hold, with room for the longest flow."""

MONTHS = 12

EXAMPLE = "2026-03-02 15:00"


class Order(StrEnum):
    """In which order a date's parts are written."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


class DateError(ValueError):
    """What is no date; the text says why."""


_REST = r"(?:\.?(?:[T\s,]+(?P<time>.+))?)?"
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})\s?(?P<sign>[./-])\s?(?P<month>\d{1,2})\s?(?P=sign)\s?"
    r"(?P<day>\d{1,2})" + _REST
)
_YEAR_LAST = re.compile(
    r"(?P<first>\d{1,2})\s?(?P<sign>[./-])\s?(?P<second>\d{1,2})\s?(?P=sign)\s?"
    r"(?P<last>\d{4}|\d\d)" + _REST
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:$|[T ])")
_DOTTED = re.compile(r"^(\d{1,2})[.h](\d\d)(?!\d)")
_CLOCK_WORD = re.compile(r"(?i)\s*(?:uhr|h)$")
_CLOCK = re.compile(r"\d\d:\d\d")
_EPOCH = re.compile(r"\d{10}(?:\d{3})?")
_EPOCH_DIGITS = 10
"""Of the seconds since 1970 that a program wrote, from 2001 on; three more are milliseconds."""

_SERIAL = re.compile(r"\d+(?:[.,]\d+)?")
_MONTH = re.compile(r"(?i)(?<![a-z])(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")
_SPELLED_OFFSET = re.compile(
    r"(:\d\d(?:[.,]\d+)?)\s?(?:GMT|UTC)?([+-]\d\d:?\d\d)(?: \([^()]*\)| [A-Z]{3,5})?$"
)
"""An offset with hours and minutes, and the words that JavaScript and Go put around it."""

_OFFSET_OF_UTC = re.compile(r"(?i)\b(?:utc|gmt)\s?[+-]\s?\d")
_SOME_DAY = datetime.fromisoformat("2000-01-01")
_OTHER_DAY = datetime.fromisoformat("2001-02-02")
_CENTURY = 70
"""Two digits from here on are of the 1900s, those below of the 2000s (as POSIX, a year apart)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one date says of the order of its file: the order, or null where it could be either."""

    order: Order | None


def evidence(text: str) -> Evidence | None:
    """What a date says of its file's order; null for one that is the same in any order."""
    found = _YEAR_LAST.fullmatch(text)
    if found is None or found["sign"] == ".":
        return None
    first, second = int(found["first"]), int(found["second"])
    if first == second or min(first, second) > MONTHS:
        return None
    if max(first, second) <= MONTHS:
        return Evidence(None)
    return Evidence(Order.DMY if first > MONTHS else Order.MDY)


def parse(text: str, order: Order | None) -> datetime:
    """The time that is written; naive where no offset is. ``order`` is that of the file.

    Raises DateError.
    """
    text = _SPELLED_OFFSET.sub(r"\1\2", text)
    if _ISO.match(text):
        try:
            return _checked(datetime.fromisoformat(text))
        except ValueError:
            pass
    if found := _YEAR_FIRST.fullmatch(text):
        return _made(found["year"], found["month"], found["day"], found["time"])
    if found := _YEAR_LAST.fullmatch(text):
        return _made(*_in_order(found, order), found["time"])
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(int(text[:_EPOCH_DIGITS]), UTC)
    if _SERIAL.fullmatch(text):
        raise DateError(f"is a number, not a date: write it like {EXAMPLE}")
    if not _MONTH.search(text):
        raise DateError(f"is not a date: write it like {EXAMPLE}")
    return _checked(_in_words(text))


def _in_order(found: re.Match[str], order: Order | None) -> tuple[str, str, str]:
    """Year, month and day of a date whose year seems to come last."""
    first, second, last = found["first"], found["second"], found["last"]
    if order is Order.YMD:
        if len(last) > len("26"):
            raise DateError("does not begin with its year, as --dates ymd says")
        return first, second, last
    if order is None and (guess := evidence(found[0])) is not None:
        order = guess.order
        if order is None:
            raise DateError(f"may be of two days: write it like {EXAMPLE}")
    return (last, first, second) if order is Order.MDY else (last, second, first)


def _made(year: str, month: str, day: str, time_of_day: str | None) -> datetime:
    number = int(year)
    if len(year) <= len("26"):
        number += 1900 if number >= _CENTURY else 2000
    try:
        on = date(number, int(month), int(day))
    except ValueError as error:
        raise DateError("is not a day of the calendar") from error
    return _checked(datetime.combine(on, _time(time_of_day) if time_of_day else time()))


def _time(text: str) -> time:
    """A time of day, with its offset if it has one; ``15.04`` and ``15h04`` are read too."""
    text = _DOTTED.sub(r"\1:\2", _CLOCK_WORD.sub("", text))
    if _CLOCK.match(text):
        try:
            return time.fromisoformat(text)
        except ValueError:
            pass
    read = _dateutil(text, _SOME_DAY)
    if read.date() != _SOME_DAY.date() or not re.match(r"\d", text):
        raise DateError(f"has no time of day that can be read: write it like {EXAMPLE}")
    return read.timetz()


def _in_words(text: str) -> datetime:
    """A date with the name of its month, which leaves nothing of the date to be guessed."""
    one, other = _dateutil(text, _SOME_DAY), _dateutil(text, _OTHER_DAY)
    if one != other:
        raise DateError(f"is not a whole date: write it like {EXAMPLE}")
    return one


def _dateutil(text: str, default: datetime) -> datetime:
    from dateutil import parser

    if _OFFSET_OF_UTC.search(text):
        raise DateError("has an offset whose sign has two meanings: write it like +02:00")
    spoken = re.sub(r"(?i)\b([ap])\.\s?m\b\.?", r"\1m", text)
    try:
        return parser.parse(spoken, default=default, dayfirst=False, tzinfos=_zone)
    except (ValueError, OverflowError, TypeError) as error:
        raise DateError(f"is not a date: write it like {EXAMPLE}") from error


def _zone(name: str | None, seconds: int | None) -> tzinfo | None:
    if seconds is not None:
        return timezone(timedelta(seconds=seconds))
    if name is None:
        return None
    if name in {"UTC", "GMT", "Z", "z"}:
        return UTC
    raise ValueError(f"{name} is an abbreviation, not an offset")


def _checked(read: datetime) -> datetime:
    if not EARLIEST < read.year < LATEST:
        raise DateError("is not of a year that can be")
    return read
