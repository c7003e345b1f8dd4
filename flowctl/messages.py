"""Messages as an operator handles them: looked at, tried again, cancelled."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from uuid import UUID

from flowctl.database import Connection
from flowctl.errors import InputError, UsageError
from flowctl.model import Status
from flowctl.store import messages as store
from flowctl.store.messages import Filter, Message, MessageDetail, Selected

CANCELLED = "cancelled by hand"
"""The reason of a cancelled message."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which messages are meant, as people say it. ``step`` is a key, ``flow/key`` or an id;
    ``lead_id`` is as the table has it."""

    status: Status | None = None
    lead_id: str | None = None
    step: str | None = None
    error: str | None = None
    is_unknown: bool = False
    is_undelivered: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing narrows it."""
        return self == Criteria()


@dataclass(frozen=True, slots=True)
class Listing:
    """Messages by time, and how many there are in all."""

    messages: tuple[Message, ...]
    total: int


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


def list_messages(connection: Connection, wanted: Criteria, limit: int | None) -> Listing:
    """The messages that are meant, at most ``limit``.

    Raises InputError for a lead or a step that does not exist.
    """
    chosen = _filter(connection, wanted)
    with connection.transaction():
        found = store.select_messages(connection, chosen, limit)
        is_all = limit is None or len(found) < limit
        total = len(found) if is_all else store.count_messages(connection, chosen)
    return Listing(tuple(found), total)


def show_message(connection: Connection, message_id: str) -> MessageDetail:
    """Everything about one message. Raises InputError for an unknown id."""
    found = store.select_message(connection, _message_id(message_id))
    if found is None:
        raise _no_message([message_id])
    return found


def plan_by_id(connection: Connection, change: Change, ids: Sequence[str]) -> Plan:
    """What a change would do to these messages.

    Raises InputError where an id does not exist or cannot be taken: then
    nothing is to be done to the others either.
    """
    asked = list(dict.fromkeys(_message_id(written) for written in ids))
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


def plan_by_filter(connection: Connection, change: Change, wanted: Criteria) -> Plan:
    """What a change would do to the messages that are meant.

    One with an unknown outcome may have gone out: it is tried again only where ``is_unknown`` asks
    for those. Raises UsageError for a status that the change cannot take, and
    InputError where nothing can be taken.
    """
    if wanted.status is not None and wanted.status not in change.value:
        raise UsageError(
            f"{change.verb} takes no {wanted.status} messages",
            hint="it takes those that are " + " or ".join(change.value),
        )
    if wanted.is_unknown and wanted.status not in {None, Status.FAILED}:
        raise UsageError(
            f"--unknown and --status {wanted.status} contradict each other",
            hint="a message with an unknown outcome is failed",
        )
    statuses = change.value if wanted.status is None else (wanted.status,)
    found = store.choose_by_filter(connection, _filter(connection, wanted), statuses)
    if wanted.is_unknown:
        found = [chosen for chosen in found if chosen.is_unknown]
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


def pending_ids(connection: Connection, ids: Sequence[str] | None, wanted: Criteria) -> list[UUID]:
    """The pending messages that are meant, by their ids or else by what narrows them, if anything.

    Raises InputError where an id does not exist or is of a message that is not pending.
    """
    if not ids:
        found = store.choose_by_filter(connection, _filter(connection, wanted), (Status.PENDING,))
        return [chosen.id for chosen in found]
    asked = list(dict.fromkeys(_message_id(written) for written in ids))
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


def _filter(connection: Connection, wanted: Criteria) -> Filter:
    steps = None if wanted.step is None else _steps(connection, wanted.step)
    return Filter(wanted.status, wanted.lead_id, steps, wanted.error, wanted.is_undelivered)


def _steps(connection: Connection, name: str) -> list[UUID]:
    steps = store.steps_named(connection, name)
    if not steps:
        close = get_close_matches(name, store.step_names(connection), n=1)
        hint = f"did you mean '{close[0]}'?" if close else "flowctl steps list shows them"
        raise InputError(f"no step is called '{name}'", hint=hint)
    return steps


def _message_id(written: str) -> UUID:
    try:
        return UUID(written)
    except ValueError:
        raise InputError(
            f"{written[:60]!r} is not the id of a message",
            hint="flowctl messages list --json shows the ids",
        ) from None


def _no_message(missing: Sequence[str]) -> InputError:
    return InputError(
        f"no message has the id {missing[0]}"
        if len(missing) == 1
        else f"{len(missing)} of these messages do not exist; nothing was done",
        hint="flowctl messages list --json shows the ids",
        details=tuple(missing) if len(missing) > 1 else (),
    )
