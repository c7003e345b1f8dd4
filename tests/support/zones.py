"""The time zones of the tzdata package, read by Python."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from flowctl import zones
from tests.support.postgres import Connection

SECOND = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CHANGES_APART = timedelta(days=6)
"""No zone has changed its clock twice within so short a time since 1970."""


class Zones:
    """Every zone that the database knows, by its name."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute("select name from flowctl.zones order by name").fetchall()
        self.names: Sequence[str] = [str(row[0]) for row in rows]
        self._by_folded_name = {name.lower(): name for name in self.names}
        self._changes = cache(self._find_changes)

    def __getitem__(self, name: str) -> ZoneInfo:
        """The zone of that name. Raises ZoneInfoNotFoundError for an unknown one."""
        return zones.zone_info(name)

    def named(self, written: str) -> str | None:
        """The name of a zone as it is spelled, from one in any case; null if there is none."""
        return self._by_folded_name.get(written.strip(" ").lower())

    def changes(self, name: str) -> Sequence[datetime]:
        """When the clock of a zone is changed, from 1970 to the end of 2049."""
        return self._changes(name)

    def _find_changes(self, name: str) -> Sequence[datetime]:
        zone = self[name]
        here, end = EPOCH, datetime(2050, 1, 1, tzinfo=UTC)
        found = []
        while here < end:
            following = here + CHANGES_APART
            if shift_at(here, zone) != shift_at(following, zone):
                found.append(change_between(here, following, zone))
            here = following
        return found


def shift_at(instant: datetime, zone: tzinfo) -> timedelta:
    """How far the clock of a zone is ahead of UTC."""
    shift = instant.astimezone(zone).utcoffset()
    assert shift is not None
    return shift


def change_between(begin: datetime, end: datetime, zone: tzinfo) -> datetime:
    """When the clock, which differs at the end from the beginning, is changed; a whole second."""
    low, high = (begin - EPOCH) // SECOND, (end - EPOCH) // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if shift_at(EPOCH + middle * SECOND, zone) == shift_at(begin, zone):
            low = middle
        else:
            high = middle
    return EPOCH + high * SECOND
