"""Messages as an operator looks at them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from flowctl.database import Connection
from flowctl.errors import InputError
from flowctl.leadlookup import find_lead, leads_with_address
from flowctl.model import Channel, Status
from flowctl.rendering import CannotSend, recipient_of
from flowctl.selection import (
    check_flow,
    comparable_address,
    lead_name,
    resolve_when,
    steps_named,
    zone_name,
)
from flowctl.settings import Settings
from flowctl.store import messages as store
from flowctl.store.leads import ENDING
from flowctl.store.messages import Filter, Message, MessageDetail
from flowctl.times import When

SHORTEST_ID = 8
"""Characters of an id that are enough where no other message begins so."""

_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which messages are meant, as people say it. ``step`` is a key, ``flow/key`` or an id,
    ``lead`` an id, email or phone, ``to`` an email or phone; ``timezone`` is that of ``since`` and
    ``until`` where they have no offset."""

    statuses: tuple[Status, ...] = ()
    lead: str | None = None
    to: str | None = None
    flow: str | None = None
    step: str | None = None
    channel: Channel | None = None
    error: str | None = None
    since: When | None = None
    until: When | None = None
    is_due: bool = False
    is_undelivered: bool = False
    is_unknown: bool = False
    timezone: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing narrows it."""
        return replace(self, timezone=None) == Criteria()


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """A message in a list. ``to`` is the address written to, of a pending one the address it would
    go to now; ``who`` names the lead; ``at`` is the time by which it is
    listed."""

    message: Message
    to: str | None
    who: str

    @property
    def at(self) -> datetime:
        """When it was sent, falls due or, where it is over, was to be."""
        message = self.message
        own = message.due_at if message.status is Status.PENDING else message.scheduled_for
        return message.sent_at or own


@dataclass(frozen=True, slots=True)
class Listing:
    """What is to come, the soonest first, then what is over, the newest first; whether there is
    more; and the zone in which times are to be shown."""

    messages: tuple[ListedMessage, ...]
    is_more: bool
    timezone: str


def list_messages(
    connection: Connection, settings: Settings, wanted: Criteria, limit: int | None
) -> Listing:
    """The messages that are meant, at most ``limit``; half of it each where both what is to come
    and what is over is more than that.

    Raises InputError for a lead, a flow or a step that does not exist.
    """
    chosen = replace(filter_of(connection, settings, wanted), statuses=_statuses(wanted))
    one_more = None if limit is None else limit + 1
    messages, is_more = _share(store.select_messages(connection, chosen, one_more), limit)
    timezone = zone_name(connection, wanted.timezone, wanted.flow)
    return Listing(tuple(listed(message, settings) for message in messages), is_more, timezone)


def _statuses(wanted: Criteria) -> tuple[Status, ...]:
    """Those that can be found: only what is to come is due, only what was sent undelivered."""
    possible = set(Status)
    if wanted.is_due:
        possible &= {Status.PENDING}
    if wanted.is_undelivered:
        possible &= {Status.SENT}
    return tuple(status for status in wanted.statuses or Status if status in possible)


def _share(found: list[Message], limit: int | None) -> tuple[list[Message], bool]:
    """At most ``limit`` of what is to come and what is over, and whether that leaves some out."""
    if limit is None or len(found) <= limit:
        return found, False
    pending = [message for message in found if message.status is Status.PENDING]
    over = found[len(pending) :]
    kept = max(limit // 2, limit - len(over))
    first = pending[:kept]
    return [*first, *over[: limit - len(first)]], True


def listed(message: Message, settings: Settings) -> ListedMessage:
    """A message with its lead's name and the address that it goes to."""
    lead = message.lead or {}
    to = message.to
    if message.status is Status.PENDING:
        try:
            to = recipient_of(lead, message.message_type, settings)
        except CannotSend:
            to = None
    return ListedMessage(message, to, lead_name(lead) or to or message.lead_id)


def show_message(connection: Connection, message_id: str) -> MessageDetail:
    """Everything about one message. Raises InputError for an unknown id."""
    found = store.select_message(connection, message_id_of(connection, message_id))
    if found is None:
        raise no_message([message_id])
    return found


def filter_of(connection: Connection, settings: Settings, wanted: Criteria) -> Filter:
    """What is meant, in the database's terms. Raises InputError as ``list_messages``."""
    if wanted.flow is not None:
        check_flow(connection, wanted.flow)
    bounds = {
        name: None if when is None else resolve_when(connection, when, wanted.timezone, wanted.flow)
        for name, when in (("since", wanted.since), ("until", wanted.until))
    }
    return Filter(
        ids=None if wanted.to is None else _written_to(connection, settings, wanted.to),
        statuses=wanted.statuses,
        lead_id=None if wanted.lead is None else find_lead(connection, settings, wanted.lead).id,
        flow=wanted.flow,
        steps=() if wanted.step is None else tuple(steps_named(connection, wanted.step)),
        channel=wanted.channel,
        error=wanted.error,
        since=bounds["since"],
        until=bounds["until"],
        is_due=wanted.is_due,
        is_undelivered=wanted.is_undelivered,
        is_unknown=wanted.is_unknown,
    )


def _written_to(connection: Connection, settings: Settings, written: str) -> tuple[UUID, ...]:
    """What was sent to an address, or would be now."""
    address = comparable_address(settings, written)
    leads = [lead.id for lead in leads_with_address(connection, settings, address)]
    if "@" not in address:
        return store.messages_to(
            connection, Channel.TEXT, address, written=address[-ENDING:], lead_ids=leads
        )
    is_plain = address.isascii() and "--" not in address
    return store.messages_to(
        connection, Channel.EMAIL, address, written=address if is_plain else None, lead_ids=leads
    )


def message_id_of(connection: Connection, written: str) -> UUID:
    """The id, also from its first characters where no other message begins so.

    Raises InputError for what is not an id, or an id of no message or several.
    """
    text = written.strip().lower()
    try:
        return UUID(text)
    except ValueError:
        pass
    digits = text.replace("-", "")
    if len(digits) < SHORTEST_ID or not _HEX.fullmatch(digits):
        raise InputError(
            f"{written[:60]!r} is not the id of a message",
            hint=f"give it, or its first {SHORTEST_ID} or more characters: flowctl messages list",
        )
    low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    found = store.ids_beginning(connection, low, high)
    if not found:
        raise no_message([written])
    if len(found) > 1:
        raise InputError(
            f"several messages have an id that begins with {written}",
            hint="give more of it",
            details=tuple(str(one) for one in found),
        )
    return found[0]


def no_message(missing: Sequence[str]) -> InputError:
    """The error of messages that do not exist."""
    return InputError(
        f"no message has the id {missing[0]}"
        if len(missing) == 1
        else f"{len(missing)} of these messages do not exist; nothing was done",
        hint="flowctl messages list --json shows the ids",
        details=tuple(missing) if len(missing) > 1 else (),
    )
