"""What an operator sees of messages and does to them (``messages.sql``)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row, dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel, JsonObject, Status

BATCH = 5000
"""Messages changed in one transaction."""

PASSES = 3
"""How often a message is tried that a dispatcher has hold of: it does for milliseconds."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages are meant; what is null, empty or false does not narrow.

    ``error`` is a part of the error; ``address`` is in its comparable form; ``since`` and ``until``
    bound the time of sending of what is sent, else the time it is scheduled for.
    """

    statuses: Sequence[Status] = ()
    lead_id: str | None = None
    flow: str | None = None
    steps: Sequence[UUID] | None = None
    channel: Channel | None = None
    error: str | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_due: bool = False
    is_undelivered: bool = False
    is_unknown: bool = False


_CONDITIONS: Mapping[str, LiteralString] = {
    "statuses": "message.status = any(%(statuses)s::text[])",
    "lead_id": "message.lead_id = %(lead_id)s",
    "flow": "message.flow_step_id in "
    "(select own.id from public.flow_steps as own where own.flow = %(flow)s::text)",
    "steps": "message.flow_step_id = any(%(steps)s::uuid[])",
    "channel": "message.message_type = %(channel)s::text",
    "error": "position(lower(%(error)s::text) in lower(message.error_message)) > 0",
    "address": "flowctl.comparable_address(message.message_type, coalesce(message.recipient, "
    "(select case message.message_type when 'email' then to_jsonb(owner) ->> 'email' "
    "else to_jsonb(owner) ->> 'phone' end from public.leads as owner "
    "where owner.id = message.lead_id))) = %(address)s::text",
    "since": "(message.sent_at >= %(since)s::timestamptz "
    "or (message.sent_at is null and message.scheduled_for >= %(since)s::timestamptz))",
    "until": "(message.sent_at < %(until)s::timestamptz "
    "or (message.sent_at is null and message.scheduled_for < %(until)s::timestamptz))",
    "is_due": "message.id in "
    "(select free.id from flowctl.free_messages as free where free.due_at <= now())",
    "is_undelivered": "flowctl.is_undelivered(message.delivery_status)",
    "is_unknown": "message.is_unknown",
}
"""The one filter of messages: each field of ``Filter`` as a condition on ``message``."""


@dataclass(frozen=True, slots=True)
class Message:
    """A row of ``message_logs`` with its step's names and its lead; ``to`` is the address written
    to, null before."""

    id: UUID
    lead_id: str
    flow: str | None
    key: str | None
    step_order: int | None
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
    is_unknown: bool
    lead: JsonObject | None


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """Everything about a message; ``to`` is the address written to.

    ``sending_since`` and what follows it belong to a send that was begun and whose outcome is not
    recorded; ``is_unknown``: nobody is waiting for it any more.
    ``waits_for_address_until``: another address of the lead makes the message pending until then.
    """

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


def select_pending(connection: Connection, chosen: Filter, limit: int | None) -> list[Message]:
    """The pending messages that a filter finds, the soonest first."""
    return _select(connection, "select_pending", chosen, limit)


def select_over(connection: Connection, chosen: Filter, limit: int | None) -> list[Message]:
    """The messages that a filter finds and that are over, the newest first."""
    return _select(connection, "select_over", chosen, limit)


def select_by_id(connection: Connection, ids: Sequence[UUID]) -> list[Message]:
    """These messages, by the time they have."""
    return _messages(connection, query("select_by_id"), {"ids": list(ids)})


def ids_beginning(connection: Connection, low: UUID, high: UUID) -> list[UUID]:
    """Up to three ids of messages between these two."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(query("ids_beginning"), {"low": low, "high": high})
        return list(cursor.fetchall())


def select_message(connection: Connection, message_id: UUID) -> MessageDetail | None:
    """One message."""
    with connection.cursor(row_factory=class_row(MessageDetail)) as cursor:
        return cursor.execute(query("select_message"), {"id": message_id}).fetchone()


def choose_by_filter(connection: Connection, chosen: Filter) -> list[Selected]:
    """The messages that a filter finds."""
    return _chosen(connection, _filtered("choose_by_filter", chosen), _values(chosen))


def choose_by_id(connection: Connection, ids: Sequence[UUID]) -> list[Selected]:
    """Those of these messages that exist."""
    return _chosen(connection, query("choose_by_id"), {"ids": list(ids)})


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


def _select(connection: Connection, name: str, chosen: Filter, limit: int | None) -> list[Message]:
    values = {**_values(chosen), "batch_size": limit}
    return _messages(connection, _filtered(name, chosen), values)


def _messages(
    connection: Connection, statement: bytes, parameters: dict[str, object]
) -> list[Message]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(statement, parameters)
        return [
            Message(
                status=Status(row.pop("status")),
                message_type=Channel(row.pop("message_type")),
                **row,
            )
            for row in cursor
        ]


def _filtered(name: str, chosen: Filter) -> bytes:
    """A statement with the conditions of a filter."""
    conditions = " and ".join(_CONDITIONS[field] for field in _values(chosen))
    return query(name).replace(b"/* filter */", f"and {conditions}".encode() if conditions else b"")


def _values(chosen: Filter) -> dict[str, object]:
    """The fields of a filter that narrow it."""
    values = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    return {
        name: list(value) if name in {"statuses", "steps"} else value
        for name, value in values.items()
        if value not in (None, False, ())
    }


def _chosen(connection: Connection, statement: bytes, parameters: dict[str, Any]) -> list[Selected]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(statement, parameters)
        return [
            Selected(status=Status(row.pop("status")), channel=Channel(row.pop("channel")), **row)
            for row in cursor
        ]
