"""Dates written by a format, as Ruby's ``strftime`` does it, which Liquid's ``date`` means.

The C library's own knows ``%-I`` on one system and not on the next, and has no ``%L`` or ``%:z``
anywhere. Directives: https://docs.ruby-lang.org/en/master/strftime_formatting_rdoc.html
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

_DIRECTIVE = re.compile(r"%([-0^#_]*)(\d{0,3})(:{0,2})([A-Za-z%+])")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_COMBINED = {
    "c": "%a %b %e %H:%M:%S %Y",
    "D": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "R": "%H:%M",
    "r": "%I:%M:%S %p",
    "T": "%H:%M:%S",
    "v": "%e-%^b-%Y",
    "X": "%H:%M:%S",
    "x": "%m/%d/%y",
    "+": "%a %b %e %H:%M:%S %Z %Y",
}
_NUMBERS: Mapping[str, tuple[Callable[[datetime], int], int, str]] = {
    # what it counts, its least width, and what fills that
    "C": (lambda at: at.year // 100, 2, "0"),
    "d": (lambda at: at.day, 2, "0"),
    "e": (lambda at: at.day, 2, " "),
    "G": (lambda at: at.isocalendar().year, 4, "0"),
    "g": (lambda at: at.isocalendar().year % 100, 2, "0"),
    "H": (lambda at: at.hour, 2, "0"),
    "I": (lambda at: (at.hour - 1) % 12 + 1, 2, "0"),
    "j": (lambda at: at.timetuple().tm_yday, 3, "0"),
    "k": (lambda at: at.hour, 2, " "),
    "l": (lambda at: (at.hour - 1) % 12 + 1, 2, " "),
    "M": (lambda at: at.minute, 2, "0"),
    "m": (lambda at: at.month, 2, "0"),
    "S": (lambda at: at.second, 2, "0"),
    "s": (lambda at: int(at.timestamp() // 1), 1, "0"),
    "U": (lambda at: (at.timetuple().tm_yday + 6 - at.isoweekday() % 7) // 7, 2, "0"),
    "u": (lambda at: at.isoweekday(), 1, "0"),
    "V": (lambda at: at.isocalendar().week, 2, "0"),
    "W": (lambda at: (at.timetuple().tm_yday + 6 - at.weekday()) // 7, 2, "0"),
    "w": (lambda at: at.isoweekday() % 7, 1, "0"),
    "Y": (lambda at: at.year, 4, "0"),
    "y": (lambda at: at.year % 100, 2, "0"),
}
_WORDS: Mapping[str, Callable[[datetime], str]] = {
    "%": lambda _: "%",
    "A": lambda at: _DAYS[at.weekday()],
    "a": lambda at: _DAYS[at.weekday()][:3],
    "B": lambda at: _MONTHS[at.month - 1],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "h": lambda at: _MONTHS[at.month - 1][:3],
    "n": lambda _: "\n",
    "P": lambda at: "am" if at.hour < 12 else "pm",  # noqa: PLR2004  # noon
    "p": lambda at: "AM" if at.hour < 12 else "PM",  # noqa: PLR2004  # noon
    "t": lambda _: "\t",
    "Z": lambda at: at.tzname() or "",
}
_LOWERED = frozenset("pZ")
"""What the flag # writes small; it writes everything else large."""


def strftime(timestamp: datetime, pattern: str) -> str:
    """A timestamp in the words of the pattern; what is no directive stays as it is written.

    Names of days and months are English. The timestamp must know its zone.
    """
    return _DIRECTIVE.sub(lambda found: _written(timestamp, found), pattern)


def _written(timestamp: datetime, directive: re.Match[str]) -> str:
    flags, digits, colons, letter = directive.groups()
    width = int(digits or 0)
    fill = next((flag for flag in reversed(flags) if flag in "-0_"), "")
    if letter == "z":
        return _offset(timestamp.utcoffset() or timedelta(), len(colons)).rjust(width, "0")
    if colons:
        return directive[0]
    if letter in _NUMBERS:
        count, least, usual = _NUMBERS[letter]
        return _padded(count(timestamp), width or least, fill or usual)
    if letter in "LN":
        places = width or (3 if letter == "L" else 9)
        return f"{timestamp.microsecond:06}".ljust(places, "0")[:places]
    if letter in _COMBINED:
        text = strftime(timestamp, _COMBINED[letter])
    elif letter in _WORDS:
        text = _WORDS[letter](timestamp)
    else:
        return directive[0]
    if "^" in flags or "#" in flags:
        text = text.lower() if "#" in flags and letter in _LOWERED else text.upper()
    return text if fill == "-" else text.rjust(width, "0" if fill == "0" else " ")


def _padded(number: int, width: int, fill: str) -> str:
    if fill == "-":
        return str(number)
    return str(number).zfill(width) if fill == "0" else str(number).rjust(width)


def _offset(shift: timedelta, colons: int) -> str:
    """``+hhmm``, ``+hh:mm`` or ``+hh:mm:ss``."""
    seconds = int(abs(shift).total_seconds())
    parts = (seconds // 3600, seconds // 60 % 60, seconds % 60)[: max(2, colons + 1)]
    return ("-" if shift < timedelta() else "+") + (":" if colons else "").join(
        f"{part:02}" for part in parts
    )
