"""Times, days and windows as people say them."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from flowctl.normalize import WEEKDAYS
from flowctl.times import clock_text, format_duration


def timestamp_text(timestamp: datetime) -> str:
    """A timestamp on its own clock, to the minute: ``Mon 2 Mar 2026, 3:00 PM``."""
    return f"{day_text(timestamp)}, {clock_text(timestamp.time())}"


def day_text(timestamp: datetime) -> str:
    """The date of a timestamp on its own clock: ``Mon 2 Mar 2026``."""
    return f"{timestamp:%a} {timestamp.day} {timestamp:%b} {timestamp.year}"


def window_text(opens: time, closes: time | None, weekdays: Sequence[int] | None) -> str:
    """A send window: ``8:00 AM to 8:00 PM, mon, tue``; ISO weekdays, null for all."""
    end = "midnight" if closes is None else clock_text(closes)
    days = "" if weekdays is None else ", " + ", ".join(WEEKDAYS[number - 1] for number in weekdays)
    return f"{clock_text(opens)} to {end}{days}"


def span_text(span: timedelta) -> str:
    """A duration as a steps file has it: ``4h``."""
    return format_duration(span)


def days_text(count: int) -> str:
    """``1 day``, ``2 days``."""
    return f"{count} day" if count == 1 else f"{count} days"
