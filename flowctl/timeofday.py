"""A time of day as people write it and as it is stored; the same rules as the database's
``flowctl.time_of_day`` and ``flowctl.clock_text``."""

import re
from datetime import time

_TWELVE = re.compile(
    r"\s*(\d{1,2})(?::(\d{2}))?(?::00)?\s*([ap])\.?m\.?\s*", re.ASCII | re.IGNORECASE
)
_TWENTY_FOUR = re.compile(r"\s*(\d{1,2}):(\d{2})(?::00)?\s*", re.ASCII)

EXPECTED = "a time of day such as 9:00 AM"
"""What ``parse_time_of_day`` reads, for messages about what it does not."""


def parse_time_of_day(written: str) -> time:
    """Read ``9:00 AM``, ``9 am``, ``09:00`` or ``21:30``; ``12:00 AM`` is midnight.

    Raises ``ValueError`` for anything else.
    """
    if match := _TWELVE.fullmatch(written):
        hour, minute, half = int(match[1]), int(match[2] or 0), match[3].lower()
        if not 1 <= hour <= 12:  # noqa: PLR2004  # a clock face
            raise ValueError(EXPECTED)
        hour = hour % 12 + (12 if half == "p" else 0)
    elif match := _TWENTY_FOUR.fullmatch(written):
        hour, minute = int(match[1]), int(match[2])
    else:
        raise ValueError(EXPECTED)
    try:
        return time(hour, minute)
    except ValueError:
        raise ValueError(EXPECTED) from None


def clock_text(moment: time) -> str:
    """The stored form, ``9:00 AM``; minutes are the finest there is."""
    half = "AM" if moment.hour < 12 else "PM"  # noqa: PLR2004  # a clock face
    return f"{moment.hour % 12 or 12}:{moment.minute:02} {half}"
