"""What a command means (``selection.sql``)."""

from datetime import datetime

from flowctl.database import Connection
from flowctl.store.fetching import fetch_value


def flow_zone(connection: Connection, flow: str) -> str | None:
    """The zone of a flow."""
    found = fetch_value(connection, "flow_zone", flow=flow)
    return None if found is None else str(found)


def database_now(connection: Connection) -> datetime:
    """The clock that decides what is due."""
    found: datetime = fetch_value(connection, "database_now")
    return found
