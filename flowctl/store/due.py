"""What is due, and whether anything is (``due.sql``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import dict_row

from flowctl.database import Connection, query
from flowctl.model import Channel, Slot
from flowctl.store.fetching import fetch_value
from flowctl.store.nodes import is_distributed, text_of
from flowctl.store.parts import parts_of, share_of
from flowctl.store.runs import Run


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
    values: dict[str, object] = {"channels": list(channels), "now": run.now}
    if not is_distributed(connection):
        values |= share_of(run.slot)
        return bool(fetch_value(connection, _look(run.slot), **values))
    for part, share in parts_of(connection, run.slot):
        call = part.call(connection, query(_look(share)), **values, **share_of(share))
        if fetch_value(connection, "is_due_in_part", **call):
            return True
    return False


def due_by_channel(connection: Connection, bound: int | None = None) -> list[Due]:
    """What is due, up to ``bound``, for the channels on which something is."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(text_of(connection, "due_by_channel"), {"bound": bound})
        return [Due(channel=Channel(row.pop("channel")), **row) for row in cursor]


def _look(slot: Slot | None) -> str:
    return "is_due" if slot is None else "is_share_due"
