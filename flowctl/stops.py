"""Stopping leads, out of one flow or of all, until they are resumed."""

from collections.abc import Sequence
from dataclasses import dataclass

from flowctl.database import Connection
from flowctl.errors import InputError
from flowctl.store import stops as store
from flowctl.store.stops import StoppedMessage

STOPPED = "stopped by hand"
"""The reason of a stopped lead's messages where none is given."""


@dataclass(frozen=True, slots=True)
class StopResult:
    """How many of a lead's messages were cancelled, and how many are being sent right now.

    ``was_stopped``: it was stopped so before.
    """

    cancelled: int
    being_sent: int
    was_stopped: bool


@dataclass(frozen=True, slots=True)
class RestartResult:
    """How many messages are pending again, and which are left cancelled: their time is over.

    ``was_stopped`` is false where there was nothing to resume.
    """

    restored: int
    left: Sequence[StoppedMessage]
    was_stopped: bool


def stop_lead(
    connection: Connection, lead_id: str, flow: str | None, reason: str | None
) -> StopResult:
    """Cancel a lead's pending messages and keep it out of the flow (of all where null) until it is
    resumed. What is being sent at this moment is left alone."""
    with connection.transaction():
        store.lock_lead(connection, lead_id)
        is_new = store.add_stop(connection, lead_id, flow, reason)
        cancelled = store.stop_messages(connection, lead_id, flow, reason or STOPPED)
        being_sent = store.being_sent(connection, lead_id, flow)
    return StopResult(cancelled, being_sent, was_stopped=not is_new)


def resume_lead(connection: Connection, lead_id: str, flow: str | None) -> RestartResult:
    """Let a stopped lead into the flow (into all where null) again, and bring back what the stop
    cancelled and whose planned time lies ahead.

    Raises InputError where all flows are stopped and one is to be resumed.
    """
    with connection.transaction():
        store.lock_lead(connection, lead_id)
        stops = store.stops_of_lead(connection, lead_id)
        if flow is not None and any(stop.flow is None for stop in stops):
            raise InputError(
                "the lead is stopped in all flows, so one alone cannot be resumed",
                hint=f"flowctl leads resume {lead_id}",
            )
        removed = store.remove_stops(connection, lead_id, flow)
        restored = store.restore_stopped(connection, lead_id, flow) if removed else 0
        left = store.stopped_messages(connection, lead_id, flow) if removed else []
    return RestartResult(restored, tuple(left), was_stopped=removed > 0)
