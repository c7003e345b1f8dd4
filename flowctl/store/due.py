"""What is due, and whether anything is (``due.sql``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel
from flowctl.store.fetching import fetch_value
from flowctl.store.parts import parts_of, share_of
from flowctl.store.runs import Run


@dataclass(frozen=True, slots=True)
class Due:
    """What is due on a channel, and for how many seconds the oldest has been."""

    channel: Channel
    messages: int
    oldest_seconds: int

    def beside(self, other: "Due | None", bound: int | None) -> "Due":
        """This and what is due in another part, up to ``bound``."""
        if other is None:
            return self
        messages = self.messages + other.messages
        return Due(
            self.channel,
            messages if bound is None else min(messages, bound),
            max(self.oldest_seconds, other.oldest_seconds),
        )


def count_due(connection: Connection, channel: Channel, now: datetime | None = None) -> int:
    """How many messages of a channel are due."""
    return int(fetch_value(connection, "count_due", channel=channel, now=now) or 0)


def is_due(connection: Connection, run: Run, channels: Sequence[Channel]) -> bool:
    """Whether anything is due for the run on these channels: one look at the index."""
    values = {"channels": list(channels), "now": run.now}
    look = query("is_due")
    return any(
        part.run(connection, "is_due_in_part", look, scalar_row, **values, **share_of(share))
        == [True]
        for part, share in parts_of(connection, run.slot)
    )


def due_by_channel(connection: Connection, bound: int | None = None) -> list[Due]:
    """What is due, up to ``bound``, for the channels on which something is."""
    found: dict[Channel, Due] = {}
    look = query("due_by_channel")
    for part, _ in parts_of(connection, None):
        for row in part.run(connection, "due_in_part", look, dict_row, bound=bound):
            own = Due(channel=Channel(row.pop("channel")), **row)
            found[own.channel] = own.beside(found.get(own.channel), bound)
    return list(found.values())
