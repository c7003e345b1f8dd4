"""What an operator sees of messages and does to them (``messages.sql``)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel, Status

BATCH = 5000
"""Messages changed in one transaction."""

PASSES = 3
"""How often a message is tried that a dispatcher has hold of: it does for milliseconds."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages are meant; what is null or false does not narrow. ``error`` is a part of the
    error."""

    status: Status | None = None
    lead_id: str | None = None
    steps: Sequence[UUID] | None = None
    error: str | None = None
    is_undelivered: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A row of ``message_logs`` with its step's names; ``to`` is the address written to."""

    id: UUID
    lead_id: str
    flow: str | None
    key: str | None
    message_type: Channel
    to: str | None
    subject: str | None
    content: str
    status: Status
    scheduled_for: datetime
    sent_at: datetime | None
    attempts: int
    provider_id: str | None
    delivery_status: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class MessageDetail(Message):
    """Everything about a message.

    ``sending_since`` and what follows it belong to a send that was begun and whose outcome is not
    recorded; ``is_unknown``: nobody is waiting for it any more.
    ``waits_for_address_until``: another address of the lead makes the message pending until then.
    """

    delivery_code: str | None
    created_at: datetime
    flow_step_id: UUID | None
    step_order: int | None
    retry_at: datetime | None
    claimed_by: UUID | None
    lease_until: datetime | None
    sending_since: datetime | None
    sending_to: str | None
    sending_by: str | None
    is_unknown: bool | None
    waits_for_address_until: datetime | None


@dataclass(frozen=True, slots=True)
class Selected:
    """A message that is meant to be changed, and what may forbid it: ``is_orphan``, its step was
    deleted; ``is_redacted``, what it said was pruned; ``is_unknown``, it may have gone out.
    ``is_ahead``: its planned time has not come."""

    id: UUID
    status: Status
    channel: Channel
    is_orphan: bool
    is_redacted: bool
    is_unknown: bool
    is_ahead: bool
    is_being_sent: bool


def steps_named(connection: Connection, name: str) -> list[UUID]:
    """The steps of that key, ``flow/key`` or id."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return list(cursor.execute(query("steps_named"), {"name": name}).fetchall())


def step_names(connection: Connection) -> list[str]:
    """All keys of steps."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return list(cursor.execute(query("step_names")).fetchall())


def select_messages(connection: Connection, chosen: Filter, limit: int | None) -> list[Message]:
    """The messages that a filter finds, by time."""
    with connection.cursor(row_factory=class_row(Message)) as cursor:
        cursor.execute(query("select_messages"), {**_parameters(chosen), "batch_size": limit})
        return cursor.fetchall()


def count_messages(connection: Connection, chosen: Filter) -> int:
    """How many messages a filter finds."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return int(cursor.execute(query("count_messages"), _parameters(chosen)).fetchone() or 0)


def select_message(connection: Connection, message_id: UUID) -> MessageDetail | None:
    """One message."""
    with connection.cursor(row_factory=class_row(MessageDetail)) as cursor:
        return cursor.execute(query("select_message"), {"id": message_id}).fetchone()


def choose_by_filter(
    connection: Connection, chosen: Filter, statuses: Sequence[Status]
) -> list[Selected]:
    """The messages of these statuses that a filter finds."""
    parameters = {**_parameters(chosen), "statuses": list(statuses)}
    return _chosen(connection, "choose_by_filter", parameters)


def choose_by_id(connection: Connection, ids: Sequence[UUID]) -> list[Selected]:
    """Those of these messages that exist."""
    return _chosen(connection, "choose_by_id", {"ids": list(ids)})


def retry_messages(connection: Connection, ids: Sequence[UUID]) -> int:
    """Make failed and cancelled messages pending again, at their planned time where it lies ahead,
    else now; returns how many took it.

    One whose step was deleted, or that is being sent, is left alone.
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
        left = set(ids[begin : begin + BATCH])
        for _ in range(PASSES):
            left -= _change_free(connection, name, left, values)
            if not left:
                break
        changed += len(ids[begin : begin + BATCH]) - len(left)
    return changed


def _change_free(
    connection: Connection, name: str, ids: Collection[UUID], values: Mapping[str, str]
) -> set[UUID]:
    """Change those of these messages that nobody else has hold of."""
    with connection.transaction(), connection.cursor(row_factory=scalar_row) as cursor:
        free = cursor.execute(query("lock_messages"), {"ids": list(ids)}).fetchall()
        cursor.execute(query(name), {"ids": free, **values})
        return set(cursor.fetchall())


def _parameters(chosen: Filter) -> dict[str, object]:
    return {
        "status": chosen.status,
        "lead_id": chosen.lead_id,
        "steps": None if chosen.steps is None else list(chosen.steps),
        "error": chosen.error,
        "undelivered": chosen.is_undelivered,
    }


def _chosen(connection: Connection, name: str, parameters: dict[str, Any]) -> list[Selected]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query(name), parameters)
        return [
            Selected(status=Status(row.pop("status")), channel=Channel(row.pop("channel")), **row)
            for row in cursor
        ]
