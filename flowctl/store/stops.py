"""Stopping leads until they are resumed (``stops.sql``). A flow of null means all flows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flowctl.database import Connection, query
from flowctl.store.fetching import fetch_rows, fetch_value


@dataclass(frozen=True, slots=True)
class Stop:
    """That a lead is kept out of a flow, since when and why."""

    flow: str | None
    reason: str | None
    stopped_at: datetime


@dataclass(frozen=True, slots=True)
class StoppedMessage:
    """A message that a stop cancelled; ``step`` is its step's key, or ``#`` and its order."""

    id: UUID
    flow: str | None
    step: str | None
    planned_for: datetime


def lock_lead(connection: Connection, lead_id: str) -> None:
    """Keep other stops and resumes of the lead waiting until the end of the transaction."""
    connection.execute(query("lock_lead"), {"lead_id": lead_id})


def stops_of_lead(connection: Connection, lead_id: str) -> list[Stop]:
    """Where the lead is stopped; the stop of all flows first."""
    return fetch_rows(connection, "stops_of_lead", Stop, lead_id=lead_id)


def add_stop(connection: Connection, lead_id: str, flow: str | None, reason: str | None) -> bool:
    """Stop a lead; returns whether it was not stopped so before."""
    values = {"lead_id": lead_id, "flow": flow, "reason": reason}
    return connection.execute(query("add_stop"), values).rowcount > 0


def remove_stops(connection: Connection, lead_id: str, flow: str | None) -> int:
    """End the lead's stop in a flow, or all its stops; returns how many there were."""
    return connection.execute(query("remove_stops"), {"lead_id": lead_id, "flow": flow}).rowcount


def stop_messages(connection: Connection, lead_id: str, flow: str | None, reason: str) -> int:
    """Cancel what is pending for the lead; returns how many messages."""
    values = {"lead_id": lead_id, "flow": flow, "reason": reason}
    connection.execute(query("lock_pending_of_lead"), {"lead_id": lead_id})
    return connection.execute(query("stop_messages"), values).rowcount


def being_sent(connection: Connection, lead_id: str, flow: str | None) -> int:
    """How many of the lead's messages are being sent at this moment."""
    return int(fetch_value(connection, "being_sent", lead_id=lead_id, flow=flow) or 0)


def restore_stopped(connection: Connection, lead_id: str, flow: str | None) -> int:
    """Bring back at their planned times what a stop cancelled; returns how many messages."""
    return connection.execute(query("restore_stopped"), {"lead_id": lead_id, "flow": flow}).rowcount


def stopped_messages(
    connection: Connection, lead_id: str, flow: str | None
) -> list[StoppedMessage]:
    """What a stop cancelled and nothing has brought back."""
    return fetch_rows(connection, "stopped_messages", StoppedMessage, lead_id=lead_id, flow=flow)
