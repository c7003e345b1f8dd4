"""The life of a message: planned, moved and why, each attempt with its outcome, sent, delivered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from flowctl.database import Connection
from flowctl.model import Status
from flowctl.store import history as store
from flowctl.store.history import NotedEvent, PlanOfMessage
from flowctl.store.messages import MessageDetail


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a message at a moment, in one word and in more.

    ``planned``, ``moved``, ``retrying`` (an attempt failed), ``unknown`` (its outcome is),
    ``failed``, ``cancelled``, ``reopened`` (pending again), ``sending``, ``sent``; then what the
    provider said of its delivery, and ``suppressed``: its address is, because of it.
    """

    at: datetime
    event: str
    detail: str | None


def history_of(connection: Connection, message: MessageDetail) -> Sequence[Event]:
    """What happened to a message, the oldest first."""
    noted = store.select_history(connection, message.id)
    events = [
        _planned(message, store.select_plan(connection, message.id), noted),
        *(Event(one.at, one.event, _detail(one)) for one in noted),
        *_unnoted(message, noted),
        *(
            Event(one.at, "suppressed", f"{one.source}: {one.reason}" if one.reason else one.source)
            for one in store.suppressed_by(connection, message.id)
        ),
    ]
    return sorted(events, key=lambda event: event.at)


def _planned(message: MessageDetail, plan: PlanOfMessage, noted: Sequence[NotedEvent]) -> Event:
    """When it was planned, and for when at that time."""
    first = next((one.was for one in noted if one.was is not None), plan.planned_for)
    counted = f", counted from {_timestamp(plan.counted_from)}" if plan.counted_from else ""
    return Event(message.created_at, "planned", f"for {_timestamp(first)}{counted}")


def _unnoted(message: MessageDetail, noted: Sequence[NotedEvent]) -> Iterator[Event]:
    """What stands in the message's row alone, and what was not written down in its time."""
    if message.sending_since is not None:
        yield Event(message.sending_since, "sending", f"to {message.sending_to}")
    if message.sent_at is not None:
        attempts = f", attempt {message.attempts}" if message.attempts > 1 else ""
        provider = f", {message.provider_id}" if message.provider_id else ""
        yield Event(message.sent_at, "sent", f"to {message.to}{attempts}{provider}")
    words = {one.event for one in noted}
    if message.delivery_status is not None and message.delivery_status not in words:
        at = message.sent_at or message.scheduled_for
        yield Event(at, message.delivery_status, message.delivery_code)
    ended = message.status in {Status.FAILED, Status.CANCELLED}
    if ended and not words & {message.status, "unknown"}:
        # not before it was planned, as another node's clock may have it
        at = max(message.scheduled_for, message.created_at)
        yield Event(at, message.status, message.error_message)


def _detail(noted: NotedEvent) -> str | None:
    """What was written down, with the times between which it was moved."""
    if noted.was is None or noted.becomes is None:
        return noted.detail
    times = f"due {_timestamp(noted.becomes)} instead of {_timestamp(noted.was)}"
    return f"{noted.detail}: {times}" if noted.detail else times


def _timestamp(timestamp: datetime) -> str:
    return timestamp.isoformat(sep=" ", timespec="seconds")
