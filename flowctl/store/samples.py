"""Samples of steps, sent to addresses of one's own (``samples.sql``)."""

from flowctl.database import Connection, query
from flowctl.model import Channel
from flowctl.store.fetching import fetch_value


def sent_in_an_hour(connection: Connection) -> int:
    """How many sends the hourly limit counts at the moment."""
    return int(fetch_value(connection, "sent_in_an_hour"))


def add_sample(connection: Connection, channel: Channel, provider_id: str) -> None:
    """Write down a sample that a provider has accepted."""
    connection.execute(query("add_sample"), {"channel": channel, "provider_id": provider_id})
