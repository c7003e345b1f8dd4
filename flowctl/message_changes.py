"""Messages tried again, cancelled, or chosen to be refreshed: planned first, then done."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from uuid import UUID

from flowctl.database import Connection
from flowctl.errors import InputError, UsageError
from flowctl.messages import Criteria, ListedMessage, filter_of, listed, message_id_of, no_message
from flowctl.model import Status
from flowctl.settings import Settings
from flowctl.store import message_changes as store
from flowctl.store.message_changes import Selected
from flowctl.store.messages import Filter, select_messages

EXAMPLES = 5
"""Messages that a plan names."""

CANCELLED = "cancelled by hand"
"""The reason of a cancelled message."""

_STOPPED = "its lead is stopped"


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


def plan_by_id(connection: Connection, change: Change, ids: Sequence[str]) -> Plan:
    """What a change would do to these messages.

    Raises InputError where an id does not exist or cannot be taken: then
    nothing is to be done to the others either.
    """
    found = _choose_by_id(connection, ids)
    reasons = {chosen.id: _obstacle(change, chosen) for chosen in found}
    refused = [f"message {identity}: {why}" for identity, why in reasons.items() if why]
    if refused:
        raise InputError(
            refused[0]
            if len(refused) == 1
            else f"{len(refused)} of these messages cannot be taken; nothing was done",
            hint=_hint(
                reasons.values(),
                f"{change.verb} takes messages that are " + " or ".join(change.value),
            ),
            details=tuple(refused) if len(refused) > 1 else (),
        )
    return Plan(change, tuple(found), Counter())


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
    found = store.choose_messages(connection, filter_of(connection, settings, narrowed))
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
            hint=_hint(left, "flowctl messages list shows what there is"),
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
        found = store.choose_messages(connection, filter_of(connection, settings, narrowed))
        return [chosen.id for chosen in found]
    found = _choose_by_id(connection, ids)
    over = [chosen for chosen in found if chosen.status is not Status.PENDING]
    if over:
        raise InputError(
            f"message {over[0].id}: it is {over[0].status}",
            hint="refresh takes messages that are pending",
        )
    return [chosen.id for chosen in found]


def examples(connection: Connection, settings: Settings, plan: Plan) -> list[ListedMessage]:
    """A few of the messages that a change would take, the earliest first."""
    ids = tuple(chosen.id for chosen in plan.taken[:EXAMPLES])
    found = select_messages(connection, Filter(ids=ids, statuses=plan.change.value), EXAMPLES)
    found.sort(key=lambda message: (message.scheduled_for, message.id))
    return [listed(message, settings) for message in found]


def carry_out(connection: Connection, plan: Plan) -> int:
    """Do it, and return to how many messages it was done: one that was sent, claimed for sending
    or changed meanwhile is left alone."""
    ids = [chosen.id for chosen in plan.taken]
    match plan.change:
        case Change.RETRY:
            return store.retry_messages(connection, ids)
        case Change.CANCEL:
            return store.cancel_messages(connection, ids, CANCELLED, "by_hand")


def _choose_by_id(connection: Connection, ids: Sequence[str]) -> list[Selected]:
    """These messages. Raises InputError where one does not exist."""
    asked = tuple(dict.fromkeys(message_id_of(connection, written) for written in ids))
    found = store.choose_messages(connection, Filter(ids=asked))
    known = {chosen.id for chosen in found}
    if missing := [str(message_id) for message_id in asked if message_id not in known]:
        raise no_message(missing)
    return found


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
    if change is Change.RETRY and chosen.is_stopped:
        return _STOPPED
    return None


def _hint(reasons: Iterable[str | None], otherwise: str) -> str:
    """What to do about messages that cannot be taken."""
    return "flowctl leads resume LEAD lets the lead go on" if _STOPPED in reasons else otherwise
