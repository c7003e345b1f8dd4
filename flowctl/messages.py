"""Messages as an operator handles them: looked at, tried again, cancelled."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from uuid import UUID

from flowctl.database import Connection
from flowctl.errors import InputError, UsageError
from flowctl.leadlookup import find_lead
from flowctl.model import Channel, Status
from flowctl.rendering import CannotSend, recipient_of
from flowctl.selection import check_flow, comparable_address, lead_name, resolve_when, zone_name
from flowctl.settings import Settings
from flowctl.store import messages as store
from flowctl.store.messages import Filter, Message, MessageDetail, Selected
from flowctl.text import nearest
from flowctl.times import When

EXAMPLES = 5
"""Messages that a plan names."""

SHORTEST_ID = 8
"""Characters of an id that are enough where no other message begins so."""

_HEX = re.compile(r"[0-9a-f]+")

CANCELLED = "cancelled by hand"
"""The reason of a cancelled message."""


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
    go to now; ``who`` names the lead; ``at`` is the time of sending, else the time it has."""

    message: Message
    to: str | None
    who: str

    @property
    def at(self) -> datetime:
        """When it was sent, else when it is to be."""
        return self.message.sent_at or self.message.scheduled_for


@dataclass(frozen=True, slots=True)
class Listing:
    """What is to come, the soonest first, then what is over, the newest first; whether there is
    more; and the zone in which times are to be shown."""

    messages: tuple[ListedMessage, ...]
    is_more: bool
    timezone: str


class Change(Enum):
    """What is done to messages: its statuses are those that it can take."""

    RETRY = (Status.FAILED, Status.CANCELLED)
    CANCEL = (Status.PENDING,)

    @property
    def verb(self) -> str:
        """``retry`` or ``cancel``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do: the messages it takes, and why others are left, with their number."""

    change: Change
    taken: tuple[Selected, ...]
    left: Counter[str]


def list_messages(
    connection: Connection, settings: Settings, wanted: Criteria, limit: int | None
) -> Listing:
    """The messages that are meant, at most ``limit``; half of it each where both what is to come
    and what is over is more than that.

    Raises InputError for a lead, a flow or a step that does not exist.
    """
    chosen = _filter(connection, settings, wanted)
    one_more = None if limit is None else limit + 1
    statuses = set(chosen.statuses or Status)
    with connection.transaction():
        pending = (
            store.select_pending(connection, chosen, one_more)
            if Status.PENDING in statuses and not wanted.is_undelivered
            else []
        )
        over = (
            store.select_over(connection, chosen, one_more)
            if statuses - {Status.PENDING} and not wanted.is_due
            else []
        )
    found, is_more = _share(pending, over, limit)
    timezone = zone_name(connection, wanted.timezone, wanted.flow)
    return Listing(tuple(_listed(message, settings) for message in found), is_more, timezone)


def _share(
    pending: list[Message], over: list[Message], limit: int | None
) -> tuple[list[Message], bool]:
    """At most ``limit`` of both, and whether that leaves some out."""
    if limit is None or len(pending) + len(over) <= limit:
        return [*pending, *over], False
    kept = max(limit // 2, limit - len(over))
    first = pending[:kept]
    return [*first, *over[: limit - len(first)]], True


def _listed(message: Message, settings: Settings) -> ListedMessage:
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
    found = store.select_message(connection, _message_id(connection, message_id))
    if found is None:
        raise _no_message([message_id])
    return found


def plan_by_id(connection: Connection, change: Change, ids: Sequence[str]) -> Plan:
    """What a change would do to these messages.

    Raises InputError where an id does not exist or cannot be taken: then
    nothing is to be done to the others either.
    """
    asked = list(dict.fromkeys(_message_id(connection, written) for written in ids))
    found = {chosen.id: chosen for chosen in store.choose_by_id(connection, asked)}
    missing = [str(message_id) for message_id in asked if message_id not in found]
    if missing:
        raise _no_message(missing)
    reasons = {chosen.id: _obstacle(change, chosen) for chosen in found.values()}
    refused = [f"message {identity}: {why}" for identity, why in reasons.items() if why]
    if refused:
        raise InputError(
            refused[0]
            if len(refused) == 1
            else f"{len(refused)} of these messages cannot be taken; nothing was done",
            hint=f"{change.verb} takes messages that are " + " or ".join(change.value),
            details=tuple(refused) if len(refused) > 1 else (),
        )
    return Plan(change, tuple(found.values()), Counter())


def plan_by_filter(
    connection: Connection, settings: Settings, change: Change, wanted: Criteria
) -> Plan:
    """What a change would do to the messages that are meant.

    One with an unknown outcome may have gone out: it is tried again only where ``is_unknown`` asks
    for those. Raises UsageError for a status that the change cannot take, and
    InputError where nothing can be taken.
    """
    wrong = [status for status in wanted.statuses if status not in change.value]
    if wrong:
        raise UsageError(
            f"{change.verb} takes no {wrong[0]} messages",
            hint="it takes those that are " + " or ".join(change.value),
        )
    if wanted.is_unknown and wanted.statuses not in {(), (Status.FAILED,)}:
        raise UsageError(
            f"--unknown and --status {wanted.statuses[0]} contradict each other",
            hint="a message with an unknown outcome is failed",
        )
    narrowed = replace(wanted, statuses=wanted.statuses or change.value)
    found = store.choose_by_filter(connection, _filter(connection, settings, narrowed))
    taken, left = [], Counter[str]()
    for chosen in found:
        why = _obstacle(change, chosen)
        if why is None and chosen.is_unknown and change is Change.RETRY and not wanted.is_unknown:
            why = "its outcome is unknown (--unknown takes those)"
        if why is None:
            taken.append(chosen)
        else:
            left[why] += 1
    if not taken:
        reasons = ", ".join(f"{number}: {why}" for why, number in left.items())
        raise InputError(
            f"there is nothing to {change.verb}" + (f" ({reasons})" if left else ""),
            hint="flowctl messages list shows what there is",
        )
    return Plan(change, tuple(taken), left)


def pending_ids(
    connection: Connection, settings: Settings, ids: Sequence[str] | None, wanted: Criteria
) -> list[UUID]:
    """The pending messages that are meant, by their ids or else by what narrows them, if anything.

    Raises InputError where an id does not exist or is of a message that is not pending.
    """
    if not ids:
        narrowed = replace(wanted, statuses=(Status.PENDING,))
        found = store.choose_by_filter(connection, _filter(connection, settings, narrowed))
        return [chosen.id for chosen in found]
    asked = list(dict.fromkeys(_message_id(connection, written) for written in ids))
    found = store.choose_by_id(connection, asked)
    if missing := [str(one) for one in asked if one not in {chosen.id for chosen in found}]:
        raise _no_message(missing)
    over = [chosen for chosen in found if chosen.status is not Status.PENDING]
    if over:
        raise InputError(
            f"message {over[0].id}: it is {over[0].status}",
            hint="refresh takes messages that are pending",
        )
    return asked


def examples(connection: Connection, settings: Settings, plan: Plan) -> list[ListedMessage]:
    """A few of the messages that a change would take."""
    ids = [chosen.id for chosen in plan.taken[:EXAMPLES]]
    return [_listed(message, settings) for message in store.select_by_id(connection, ids)]


def carry_out(connection: Connection, plan: Plan) -> int:
    """Do it, and return to how many messages it was done: one that was sent, claimed for sending
    or changed meanwhile is left alone."""
    ids = [chosen.id for chosen in plan.taken]
    match plan.change:
        case Change.RETRY:
            return store.retry_messages(connection, ids)
        case Change.CANCEL:
            return store.cancel_messages(connection, ids, CANCELLED, "by_hand")


def _obstacle(change: Change, chosen: Selected) -> str | None:
    """Why a message cannot be taken."""
    if chosen.status not in change.value:
        return f"it is {chosen.status}"
    if chosen.is_being_sent:
        return "it is being sent"
    if change is Change.RETRY and chosen.is_orphan:
        return "its step was deleted"
    if change is Change.RETRY and chosen.is_redacted:
        return "what it said was pruned"
    return None


def _filter(connection: Connection, settings: Settings, wanted: Criteria) -> Filter:
    if wanted.flow is not None:
        check_flow(connection, wanted.flow)
    moments = {
        name: None if when is None else resolve_when(connection, when, wanted.timezone, wanted.flow)
        for name, when in (("since", wanted.since), ("until", wanted.until))
    }
    return Filter(
        statuses=wanted.statuses,
        lead_id=None if wanted.lead is None else find_lead(connection, settings, wanted.lead).id,
        flow=wanted.flow,
        steps=None if wanted.step is None else _steps(connection, wanted.step),
        channel=wanted.channel,
        error=wanted.error,
        address=None if wanted.to is None else comparable_address(settings, wanted.to),
        since=moments["since"],
        until=moments["until"],
        is_due=wanted.is_due,
        is_undelivered=wanted.is_undelivered,
        is_unknown=wanted.is_unknown,
    )


def _steps(connection: Connection, name: str) -> list[UUID]:
    steps = store.steps_named(connection, name)
    if not steps:
        close = nearest(name, store.step_names(connection))
        hint = f"did you mean '{close}'?" if close else "flowctl steps list shows them"
        raise InputError(f"no step is called '{name}'", hint=hint)
    return steps


def _message_id(connection: Connection, written: str) -> UUID:
    """The id, also from its first characters where no other message begins so."""
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
        raise _no_message([written])
    if len(found) > 1:
        raise InputError(
            f"several messages have an id that begins with {written}",
            hint="give more of it",
            details=tuple(str(one) for one in found),
        )
    return found[0]


def _no_message(missing: Sequence[str]) -> InputError:
    return InputError(
        f"no message has the id {missing[0]}"
        if len(missing) == 1
        else f"{len(missing)} of these messages do not exist; nothing was done",
        hint="flowctl messages list --json shows the ids",
        details=tuple(missing) if len(missing) > 1 else (),
    )
