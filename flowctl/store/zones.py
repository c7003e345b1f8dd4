"""The time zones that the database knows (``zones.sql``)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flowctl.database import Connection
from flowctl.store.fetching import fetch_rows


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """A zone whose clock is ahead of what it was by ``shift`` (negative: behind), from ``since``
    on."""

    name: str
    since: datetime
    shift: timedelta


def changed_zones(connection: Connection) -> list[ZoneChange]:
    """What the newest rules changed, for times from now on."""
    return fetch_rows(connection, "changed_zones", ZoneChange)
