"""Moments as people write them: ``2026-03-02 15:00``, ``2026-03-02T15:00-05:00``."""

from datetime import datetime, tzinfo

from flowctl.errors import InputError

EARLIEST, LATEST = 1, 9900
"""Years that both Python and the schedule can hold, with room for the longest flow."""


def parse_timestamp(written: str, option: str, zone: tzinfo | None = None) -> datetime:
    """The moment that ``written`` names: ISO 8601, with a space for the T if you like.

    Without an offset it is read in ``zone``; with no zone given it stays naive. ``option`` names
    where it was written, for the InputError raised for anything else.
    """
    try:
        moment = datetime.fromisoformat(written.strip())
    except ValueError:
        moment = None
    if moment is None or not EARLIEST < moment.year < LATEST:
        raise InputError(
            f"{option}: not a date and time: {written[:40]!r}",
            hint="write it like 2026-03-02 15:00 or 2026-03-02T15:00-05:00",
        )
    return moment.replace(tzinfo=zone) if moment.tzinfo is None and zone is not None else moment
