"""Typer parsers: one for each kind of value that people type. A malformed value is exit status 2.

Each is given to ``typer.Option(parser=...)`` or ``typer.Argument(parser=...)`` and raises
``typer.BadParameter``, which names the option.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import typer

from flowctl.errors import InputError
from flowctl.model import Slot
from flowctl.times import A_DURATION, When, parse_duration

EARLIEST, LATEST = 1, 9900
"""Years that both Python and the schedule can hold, with room for the longest flow."""

_DIGITS = re.compile(r"[0-9]{1,18}")
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|m|h)")
MOST_SLOTS = 10_000
_SLOT = re.compile(r"(\d{1,9})/(\d{1,9})")
_RATE_SECONDS = {"s": 1, "m": 60, "h": 3600}


def duration(written: str) -> timedelta:
    """A duration: ``36h``, ``2d``, ``1h30m``."""
    try:
        return parse_duration(written)
    except ValueError:
        raise typer.BadParameter(f"{written!r} is not {A_DURATION}") from None


def whole_number(least: int = 1, most: int = 1_000_000_000) -> Callable[[str], int]:
    """The parser of a whole number between these two."""

    def read(written: str) -> int:
        digits = str(written).strip()
        number = int(digits) if _DIGITS.fullmatch(digits) else least - 1
        if not least <= number <= most:
            raise typer.BadParameter(f"{written!r} is not a whole number from {least} to {most}")
        return number

    return read


def rate(written: str) -> float:
    """Messages a second, from ``10/s``, ``300/m`` or ``5000/h``."""
    match = _RATE.fullmatch(written.strip())
    per_second = float(match[1]) / _RATE_SECONDS[match[2]] if match else 0.0
    if not per_second:
        raise typer.BadParameter(f"{written!r} is not a rate such as 10/s or 300/m")
    return per_second


def slot(written: str) -> Slot:
    """A share of the leads, ``2/3``: the second of three."""
    match = _SLOT.fullmatch(written.strip())
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count <= MOST_SLOTS:
        raise typer.BadParameter(f"{written!r} is not a slot such as 1/3: from 1/N to N/N")
    return Slot(number, count)


def timestamp(written: str) -> datetime:
    """A date and time, naive where no offset is written: ``2026-03-02 15:00``, ISO 8601."""
    try:
        read = datetime.fromisoformat(written.strip())
    except ValueError:
        read = None
    if read is None or not EARLIEST < read.year < LATEST:
        raise typer.BadParameter(
            f"{written[:40]!r} is not a date and time such as 2026-03-02 15:00 "
            "or 2026-03-02T15:00-05:00"
        )
    return read


def web_address(written: str) -> str:
    """An address to fetch by http."""
    from flowctl.settings.urls import check_web_address

    try:
        check_web_address("it", written)
    except InputError:
        raise typer.BadParameter("it is not a web address such as https://example.com/x") from None
    return written


def when(written: str) -> When:
    """A date and time, or a duration ago (``3d``)."""
    try:
        return When(written, ago=parse_duration(written))
    except ValueError:
        pass
    try:
        return When(written, at=timestamp(written))
    except typer.BadParameter:
        raise typer.BadParameter(
            f"{written[:40]!r} is neither a date and time such as 2026-03-02 15:00 "
            "nor a duration ago such as 3d"
        ) from None


def zone(written: str) -> str:
    """An IANA zone by its name, in any case."""
    from flowctl import zones
    from flowctl.text import did_you_mean

    name = zones.names().get(written.strip().lower())
    if name is None:
        hint = did_you_mean(written, zones.names().values())
        raise typer.BadParameter(
            f"{written!r} is not an IANA time zone"
            + (f"; {hint}" if hint.startswith("did you mean") else "")
        )
    return name
