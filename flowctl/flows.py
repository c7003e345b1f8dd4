"""The flows: what waits in each, and pausing and resuming one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flowctl.database import Connection
from flowctl.errors import NeedsAttention
from flowctl.selection import check_flow
from flowctl.store import flows as store
from flowctl.store.flows import FlowSummary, LateMessages
from flowctl.text import plural


class Late(StrEnum):
    """What is done with messages that came due while their flow was paused."""

    SEND = "send"
    """They are due now, in the order of their steps; ``expire_after`` still holds."""
    SKIP = "skip"
    """They are cancelled."""
    SHIFT = "shift"
    """All pending messages of their leads move by whole days, so that no distance changes."""


@dataclass(frozen=True, slots=True)
class PauseResult:
    """Since when a flow is paused, and whether it was already."""

    name: str
    paused_at: datetime
    was_paused: bool


@dataclass(frozen=True, slots=True)
class ResumeResult:
    """What resuming did, or would do: to ``late`` messages, and how many messages ``changed``.

    ``was_paused`` is false where there was nothing to resume.
    """

    name: str
    was_paused: bool
    late: LateMessages
    changed: int


def list_flows(connection: Connection) -> Sequence[FlowSummary]:
    """All flows, by name."""
    return store.list_flows(connection)


def pause(connection: Connection, name: str) -> PauseResult:
    """Let the flow's messages wait, pending, from now on; new leads are scheduled as ever.

    Raises InputError for a flow that does not exist.
    """
    check_flow(connection, name)
    with connection.transaction():
        before = store.lock_flow(connection, name)
        if before is None:
            store.pause_flow(connection, name)
        since = store.lock_flow(connection, name)
    assert since is not None  # noqa: S101  # it was set in this transaction
    return PauseResult(name, since, was_paused=before is not None)


def resume(
    connection: Connection, name: str, late: Late | None, *, is_dry_run: bool = False
) -> ResumeResult:
    """Let the flow's messages go again, after doing ``late`` with those that came due meanwhile.

    Raises InputError for a flow that does not exist, and NeedsAttention where messages came due and
    ``late`` does not say what is done with them; then nothing is changed.
    """
    check_flow(connection, name)
    with connection.transaction(force_rollback=is_dry_run):
        if store.lock_flow(connection, name) is None:
            return ResumeResult(name, was_paused=False, late=LateMessages(0, 0, None), changed=0)
        waiting = store.late_messages(connection, name)
        if waiting.messages and late is None:
            raise NeedsAttention(
                f"{plural(waiting.messages, 'message')} of {plural(waiting.leads, 'lead')} came "
                f"due while {name} was paused; nothing changed",
                hint=f"flowctl flows resume {name} --late send, skip or shift",
            )
        changed = 0
        if waiting.messages and late is Late.SKIP:
            changed = store.skip_late(connection, name)
        elif waiting.messages and late is Late.SHIFT:
            changed = store.shift_late(connection, name)
        store.resume_flow(connection, name)
    return ResumeResult(name, was_paused=True, late=waiting, changed=changed)
