"""What an operator sees of messages (``messages.sql``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row, dict_row, scalar_row

from flowctl.database import Connection, query, with_rows
from flowctl.model import Channel, JsonObject, Status
from flowctl.store.fetching import fetch_ids


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages are meant; what is empty or false does not narrow.

    ``ids`` narrow also where they are none. ``error`` is a part of the error; ``since`` and
    ``until`` bound the time of sending of what is sent, the time at which what is pending falls
    due, else the time it had.
    """

    ids: tuple[UUID, ...] | None = None
    statuses: tuple[Status, ...] = ()
    lead_id: str | None = None
    flow: str | None = None
    steps: tuple[UUID, ...] = ()
    channel: Channel | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_due: bool = False
    is_undelivered: bool = False
    is_unknown: bool = False


_TIME: LiteralString = (
    "case message.status when 'sent' then message.sent_at when 'pending' then message.due_at "
    "else message.scheduled_for end"
)
"""The time of a message: of sending, at which it falls due, or that it had."""

_CONDITIONS: Mapping[str, LiteralString] = {
    "ids": "message.id = any(%(ids)s::uuid[])",
    "statuses": "message.status = any(%(statuses)s::text[])",
    "lead_id": "message.lead_id = %(lead_id)s",
    "flow": "message.flow_step_id in "
    "(select own.id from public.flow_steps as own where own.flow = %(flow)s::text)",
    "steps": "message.flow_step_id = any(%(steps)s::uuid[])",
    "channel": "message.message_type = %(channel)s::text",
    "error": "message.error_message is not null "
    "and position(lower(%(error)s::text) in lower(message.error_message)) > 0",
    "since": f"{_TIME} >= %(since)s::timestamptz",
    "until": f"{_TIME} < %(until)s::timestamptz",
    # asked as a value: message by message, as they are walked, not all that is due
    "is_due": "message.status = 'pending' and message.due_at <= now() and (select true from "
    "flowctl.free_messages as free where free.lead_id = message.lead_id and free.id = message.id)",
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
    due_at: datetime
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
    rest = replace(chosen, statuses=(), since=None, until=None)
    name = "list_messages"
    if _is_of_steps(rest):
        name, rest = "list_messages_of_steps", replace(rest, flow=None, steps=(), channel=None)
    values = {
        **filter_values(rest),
        "statuses": list(chosen.statuses),
        "since": chosen.since,
        "until": chosen.until,
        "batch_size": limit,
        "flow": chosen.flow,
        "steps": list(chosen.steps) or None,
        "channel": chosen.channel,
        "is_due": chosen.is_due,
    }
    statement = with_rows("chosen", filtered(name, rest), query("show_chosen"))
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(statement, values)
        return [
            Message(
                status=Status(row.pop("status")),
                message_type=Channel(row.pop("message_type")),
                **row,
            )
            for row in cursor
        ]


def _is_of_steps(chosen: Filter) -> bool:
    """Whether steps, a channel or what is due is asked for, and nothing that an index finds."""
    others = replace(chosen, flow=None, steps=(), channel=None, is_due=False)
    return chosen != others == Filter()


def messages_to(
    connection: Connection,
    channel: Channel,
    address: str,
    *,
    written: str | None,
    lead_ids: Sequence[str],
) -> tuple[UUID, ...]:
    """The messages of a channel that were written to an address in its comparable form, and those
    of these leads that were not written to any. ``written`` is what the index of recipients has of
    it, where that is known."""
    found = fetch_ids(
        connection, "messages_to", channel=channel, address=address, written=written,
        lead_ids=list(lead_ids),
    )  # fmt: skip
    return tuple(found)


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
        if (name == "ids" and value is not None) or value not in (None, False, ())
    }
