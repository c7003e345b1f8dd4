"""What an operator does to messages (``message_changes.sql``)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel, Status
from flowctl.store.messages import Filter, filter_values, filtered
from flowctl.store.nodes import text_of

BATCH = 5000
"""Messages changed in one transaction."""

PASSES = 3
"""How often a message is tried that a dispatcher has hold of: it does for milliseconds."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A message that is meant to be changed, and what may forbid it: ``is_orphan``, its step was
    deleted; ``is_redacted``, what it said was pruned; ``is_unknown``, it may have gone out.
    ``is_ahead``: its planned time has not come; ``is_stopped``: its lead is, in its flow."""

    id: UUID
    status: Status
    channel: Channel
    is_orphan: bool
    is_redacted: bool
    is_unknown: bool
    is_ahead: bool
    is_being_sent: bool
    is_stopped: bool


def choose_messages(connection: Connection, chosen: Filter) -> list[Selected]:
    """The messages that a filter finds."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(filtered("choose_messages", chosen), filter_values(chosen))
        return [
            Selected(status=Status(row.pop("status")), channel=Channel(row.pop("channel")), **row)
            for row in cursor
        ]


def retry_messages(connection: Connection, ids: Sequence[UUID]) -> int:
    """Make failed and cancelled messages pending again, at their planned time where it lies ahead,
    else now; returns how many took it.

    One whose step was deleted, that is being sent, or whose lead is stopped is left alone.
    """
    return _change(connection, "retry_messages", ids)


def cancel_messages(connection: Connection, ids: Sequence[UUID], reason: str, cause: str) -> int:
    """Cancel pending messages that are not being sent, for a reason in words and as a cause of
    ``message_logs``; returns how many took it."""
    return _change(connection, "cancel_messages", ids, reason=reason, cause=cause)


def _change(connection: Connection, name: str, ids: Sequence[UUID], **values: str) -> int:
    """Change messages in short transactions; what a dispatcher has hold of is tried again."""
    changed = 0
    for begin in range(0, len(ids), BATCH):
        batch = ids[begin : begin + BATCH]
        left = set(batch)
        for _ in range(PASSES):
            left -= _change_free(connection, name, left, values)
            if not left:
                break
        changed += len(batch) - len(left)
    return changed


def _change_free(
    connection: Connection, name: str, ids: Collection[UUID], values: Mapping[str, str]
) -> set[UUID]:
    """Change those of these messages that nobody else has hold of."""
    with connection.transaction(), connection.cursor(row_factory=scalar_row) as cursor:
        free = cursor.execute(text_of(connection, "lock_messages"), {"ids": list(ids)}).fetchall()
        cursor.execute(query(name), {"ids": free, **values})
        return set(cursor.fetchall())
