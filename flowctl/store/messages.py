"""What an operator sees of messages (``messages.sql``)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row, dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel, JsonObject, Status


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages are meant; what is empty or false does not narrow.

    ``error`` is a part of the error; ``address`` is in its comparable form; ``since`` and ``until``
    bound the time of sending of what is sent, else the time it is scheduled for.
    """

    ids: tuple[UUID, ...] = ()
    statuses: tuple[Status, ...] = ()
    lead_id: str | None = None
    flow: str | None = None
    steps: tuple[UUID, ...] = ()
    channel: Channel | None = None
    error: str | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_due: bool = False
    is_undelivered: bool = False
    is_unknown: bool = False


_CONDITIONS: Mapping[str, LiteralString] = {
    "ids": "message.id = any(%(ids)s::uuid[])",
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
    "is_due": "message.status = 'pending' and message.due_at <= now() and message.id in "
    "(select free.id from flowctl.free_messages as free where free.due_at <= now())",
    "is_undelivered": "message.status = 'sent' and message.delivery_status in "
    "('failed', 'undelivered', 'canceled', 'bounced', 'refused')",
    "is_unknown": "message.is_unknown",
}
"""The one filter of messages: each field of ``Filter`` as a condition on ``message``."""


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """A row of ``message_logs`` with its step's names; ``to`` is the address written to, null
    before."""

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
class Message(MessageSummary):
    """A message with its lead."""

    step_order: int | None
    is_unknown: bool
    lead: JsonObject | None


@dataclass(frozen=True, slots=True)
class MessageDetail(MessageSummary):
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


def steps_named(connection: Connection, name: str) -> list[UUID]:
    """The steps of that key, ``flow/key`` or id."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return list(cursor.execute(query("steps_named"), {"name": name}).fetchall())


def step_names(connection: Connection) -> list[str]:
    """All keys of steps."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return list(cursor.execute(query("step_names")).fetchall())


def select_messages(connection: Connection, chosen: Filter, limit: int | None) -> list[Message]:
    """The messages that a filter finds: what is to come, the soonest first, then what is over, the
    newest first; at most ``limit`` of those that are pending, sent, and failed or cancelled.

    Only those of its statuses: without any there are none.
    """
    values = {
        **filter_values(chosen),
        "statuses": list(chosen.statuses),
        "since": chosen.since,
        "until": chosen.until,
        "batch_size": limit,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(filtered("select_messages", chosen), values)
        return [
            Message(
                status=Status(row.pop("status")),
                message_type=Channel(row.pop("message_type")),
                **row,
            )
            for row in cursor
        ]


def ids_beginning(connection: Connection, low: UUID, high: UUID) -> list[UUID]:
    """Up to three ids of messages between these two."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(query("ids_beginning"), {"low": low, "high": high})
        return list(cursor.fetchall())


def select_message(connection: Connection, message_id: UUID) -> MessageDetail | None:
    """One message."""
    with connection.cursor(row_factory=class_row(MessageDetail)) as cursor:
        return cursor.execute(query("select_message"), {"id": message_id}).fetchone()


def filtered(name: str, chosen: Filter) -> bytes:
    """A statement with the conditions of a filter, whose parameters are ``filter_values``."""
    conditions = " and ".join(_CONDITIONS[field] for field in filter_values(chosen))
    return query(name).replace(b"/* filter */", f"and {conditions}".encode() if conditions else b"")


def filter_values(chosen: Filter) -> dict[str, object]:
    """The fields of a filter that narrow it."""
    values = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value not in (None, False, ())
    }
