"""What is due, and whether anything is (``due.sql``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import dict_row

from flowctl.database import Connection
from flowctl.model import Channel
from flowctl.store.dispatch import Run
from flowctl.store.fetching import fetch_value
from flowctl.store.nodes import form_of, text_of


@dataclass(frozen=True, slots=True)
class Due:
    """What is due on a channel, and for how many seconds the oldest has been."""

    channel: Channel
    messages: int
    oldest_seconds: int


def count_due(connection: Connection, channel: Channel, now: datetime | None = None) -> int:
    """How many messages of a channel are due."""
    return int(fetch_value(connection, "count_due", channel=channel, now=now) or 0)


def is_due(connection: Connection, run: Run, channels: Sequence[Channel]) -> bool:
    """Whether anything is due for the run on these channels: one look at the index."""
    form = form_of(connection, "is_due", has_slot=run.slot is not None)
    return bool(fetch_value(connection, form, channels=list(channels), now=run.now, **run.share))


def due_by_channel(connection: Connection, bound: int | None = None) -> list[Due]:
    """What is due, up to ``bound``, for the channels on which something is."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(text_of(connection, "due_by_channel"), {"bound": bound})
        return [Due(channel=Channel(row.pop("channel")), **row) for row in cursor]
