"""Flows and steps in the tables, and their pending messages (``steps.sql``)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Json, Jsonb

from flowctl.database import Connection, query
from flowctl.jsonvalues import to_json
from flowctl.model import (
    DEFAULT_FLOW,
    Channel,
    ContentFormat,
    Flow,
    JsonKind,
    JsonObject,
    LeadColumn,
    Step,
    TimeType,
)
from flowctl.store.fetching import fetch_rows
from flowctl.store.nodes import one_by_one, text_of

_JSON_COLUMNS = ("audience", "exit_when", "send_window", "sender")


@dataclass(frozen=True, slots=True)
class StoredStep:
    """A row of ``flow_steps``. ``step_order`` counts from 1 within the flow; ``updated_at`` is when
    what the step says was last changed."""

    id: UUID
    step_order: int
    step: Step
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Drift:
    """Pending messages of a step, or of all where ``step_id`` is null, that are not as it is now.

    ``kept`` stay as they were scheduled (``has_old_text``, ``has_old_time``: how they differ);
    ``cancelling`` are cancelled when they come due, since the step or its flow is off. Both with
    the number of their leads.
    """

    step_id: UUID | None = None
    kept: int = 0
    kept_leads: int = 0
    cancelling: int = 0
    cancelling_leads: int = 0
    has_old_text: bool = False
    has_old_time: bool = False


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    """How many pending messages, of how many leads, followed their step (null: all steps), and how
    many of these were cancelled."""

    step_id: UUID | None = None
    updated: int = 0
    leads: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class SyncedChange:
    """A change that a sync made: ``create``, ``update`` or ``disable`` a step, or with a null
    ``key`` a flow; ``fields`` are those that were changed."""

    synced_at: datetime
    synced_by: str
    change: str
    flow: str
    key: str | None
    fields: Sequence[str]


def lock_sync(connection: Connection) -> None:
    """Wait for any other sync or export, and keep others waiting until the transaction ends."""
    one_by_one(connection)
    connection.execute(query("lock_sync"))


def select_flows(connection: Connection) -> list[Flow]:
    """All flows, by name."""
    with connection.cursor(row_factory=class_row(Flow)) as cursor:
        return cursor.execute(query("select_flows")).fetchall()


def select_steps(connection: Connection) -> list[StoredStep]:
    """All steps, by flow and ``step_order``."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("select_steps")).fetchall()
    return [
        StoredStep(
            id=row.pop("id"),
            step_order=row.pop("step_order"),
            updated_at=row.pop("updated_at"),
            step=Step(
                **{
                    **row,
                    "type": Channel(row["type"]),
                    "time_type": TimeType(row["time_type"]),
                    "format": row["format"] and ContentFormat(row["format"]),
                }
            ),
        )
        for row in rows
    ]


def rename_flow(connection: Connection, old: str, new: str) -> None:
    """Give a flow another name, with its steps and stops; ``default`` is left behind, empty."""
    names = {"old": old, "new": new}
    for statement in ("copy_flow", "move_steps", "drop_stops", "move_stops"):
        connection.execute(query(statement), names)
    connection.execute(query("renew_default" if old == DEFAULT_FLOW else "delete_flow"), names)


def rename_steps(connection: Connection, keys: Mapping[tuple[str, str], str]) -> None:
    """Give steps other keys; the old ones by flow and new key."""
    given = [{"flow": flow, "old_key": old, "new_key": new} for (flow, new), old in keys.items()]
    connection.execute(query("rename_steps"), {"keys": Json(given)})


def put_flow(connection: Connection, flow: Flow) -> None:
    """Make the flow's row say this."""
    values = asdict(flow)
    for name in _JSON_COLUMNS:
        values[name] = None if values[name] is None else Jsonb(values[name], to_json)
    connection.execute(query("put_flow"), values)


def put_steps(
    connection: Connection, steps: Sequence[Step], positions: Mapping[tuple[str, str], int]
) -> None:
    """Make the rows of these keyed steps say this; ``positions`` by flow and key."""
    rows = [{**asdict(step), "position": positions[step.flow, str(step.key)]} for step in steps]
    connection.execute(query("put_steps"), {"steps": Json(rows)})


def order_steps(connection: Connection, positions: Mapping[tuple[str, str], int]) -> None:
    """Put steps in this order among those of the same time."""
    rows = [
        {"flow": flow, "key": key, "position": number} for (flow, key), number in positions.items()
    ]
    connection.execute(query("order_steps"), {"positions": Json(rows)})


def disable_steps(connection: Connection, ids: Sequence[UUID]) -> None:
    """Switch these steps off."""
    connection.execute(query("disable_steps"), {"ids": list(ids)})


def name_steps(connection: Connection, keys: Mapping[UUID, str]) -> None:
    """Give these steps their keys."""
    given = [{"id": str(id_), "key": key} for id_, key in keys.items()]
    connection.execute(query("name_steps"), {"keys": Json(given)})


def select_drift(connection: Connection, flows: Sequence[str]) -> dict[UUID | None, Drift]:
    """The keyed steps of these flows from which pending messages differ, by id; null: all."""
    rows = fetch_rows(connection, "select_drift", Drift, flows=list(flows))
    return {row.step_id: row for row in rows}


def update_pending(
    connection: Connection, ids: Collection[UUID]
) -> dict[UUID | None, PendingUpdate]:
    """Let the pending messages of these steps say what the steps say now, at the time they would be
    planned for now.

    Those of a step that is off, or whose date has passed for the lead, are cancelled; those being
    sent are left alone. By the id of the step; null: all together.
    """
    statement = text_of(connection, "update_pending")
    rows = fetch_rows(connection, statement, PendingUpdate, ids=list(ids))
    return {row.step_id: row for row in rows}


def add_changes(connection: Connection, changes: Sequence[JsonObject]) -> None:
    """Enter into the history what a sync did: entries with a ``change``, ``flow``, ``key`` and
    ``fields``."""
    connection.execute(query("add_changes"), {"changes": Json(changes)})


def list_changes(
    connection: Connection, flow: str | None, since: datetime | None
) -> list[SyncedChange]:
    """What syncs did, of one flow or of all, the newest first."""
    return fetch_rows(connection, "list_changes", SyncedChange, flow=flow, since=since)


def lead_columns(connection: Connection) -> list[LeadColumn]:
    """The columns of leads, in their order."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("lead_columns")).fetchall()
    return [
        LeadColumn(
            row["name"],
            JsonKind(row["kind"]),
            row["is_required"],
            tuple(row["labels"]),
            row["form"],
        )
        for row in rows
    ]


def active_flows(connection: Connection) -> dict[str, int]:
    """The flows that are on, each with the number of its steps that are; none without any."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("active_flows")).fetchall()
    return {row["name"]: row["steps"] for row in rows}
