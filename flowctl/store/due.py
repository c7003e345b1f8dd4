"""Whether anything is due (``due.sql``)."""

from collections.abc import Sequence
from datetime import datetime

from flowctl.database import Connection
from flowctl.model import Channel
from flowctl.store.dispatch import Run
from flowctl.store.fetching import fetch_value
from flowctl.store.nodes import form_of


def count_due(connection: Connection, channel: Channel, now: datetime | None = None) -> int:
    """How many messages of a channel are due."""
    return int(fetch_value(connection, "count_due", channel=channel, now=now) or 0)


def is_due(connection: Connection, run: Run, channels: Sequence[Channel]) -> bool:
    """Whether anything is due for the run on these channels: one look at the index."""
    form = form_of(connection, "is_due", has_slot=run.slot is not None)
    return bool(fetch_value(connection, form, channels=list(channels), now=run.now, **run.share))
