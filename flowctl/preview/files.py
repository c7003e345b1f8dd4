"""The steps of a file in the columns of the tables: as they would be once it is synced."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import time
from typing import Any

from flowctl.database import Connection
from flowctl.model import Flow, FlowSteps, JsonObject, Step, TimeType
from flowctl.normalize import normalize_flow, normalize_step
from flowctl.renames import Renames, find_renames
from flowctl.store import steps as store
from flowctl.store.steps import StoredStep
from flowctl.times import parse_time_of_day


def file_rows(file: Sequence[FlowSteps]) -> list[JsonObject]:
    """The flows of a file, each with its steps in their order."""
    return [_rows(entry.flow, [_row(step) for step in entry.steps]) for entry in file]


def synced_rows(connection: Connection, file: Sequence[FlowSteps]) -> list[JsonObject]:
    """All flows as they would be once the file is synced.

    Steps have their ids. Those of the file's flows are the file's: what it lacks is off, and what
    has no key stays; other flows stay as they are. Raises InputError as a sync would for names.
    """
    stored = store.select_steps(connection)
    flows = {flow.name: normalize_flow(flow) for flow in store.select_flows(connection)}
    steps = {name: [row for row in stored if row.step.flow == name] for name in flows}
    table = [
        FlowSteps(flow, tuple(row.step for row in steps[name])) for name, flow in flows.items()
    ]
    renames = find_renames(file, table)
    written = {entry.flow.name for entry in file} | set(renames.flows.values())
    left = [
        _rows(flow, [_row(row.step, row) for row in steps[name]])
        for name, flow in flows.items()
        if name not in written
    ]
    changed = [_rows(entry.flow, _synced_steps(entry, steps, renames)) for entry in file]
    return [*changed, *left]


def flows_of(rows: Sequence[JsonObject]) -> list[str]:
    """The names of flows that are given as rows."""
    return [row["flow"]["name"] for row in rows]


def _synced_steps(
    entry: FlowSteps, steps: Mapping[str, Sequence[StoredStep]], renames: Renames
) -> list[dict[str, Any]]:
    name = entry.flow.name
    before = steps.get(renames.flows.get(name, name), ())
    by_key = {row.step.key: row for row in before if row.step.key is not None}
    rows = []
    for step in entry.steps:
        key = str(step.key)
        row = by_key.pop(renames.steps.get((name, key), key), None)
        rows.append({**_row(step, row), "is_synced": True})
    gone = [replace(row, step=replace(row.step, enabled=False)) for row in by_key.values()]
    rows += [{**_row(row.step, row), "is_synced": True} for row in gone]
    return rows + [_row(row.step, row) for row in before if row.step.key is None]


def _rows(flow: Flow, steps: Sequence[dict[str, Any]]) -> JsonObject:
    """A flow and its steps, in the order that the database would give them."""
    ordered = [
        {**step, "flow": flow.name, "step_order": number}
        for number, step in enumerate(sorted(steps, key=_order), start=1)
    ]
    return {"flow": _flow_row(flow), "steps": ordered}


def _row(step: Step, stored: StoredStep | None = None) -> dict[str, Any]:
    return {**asdict(normalize_step(step)), "id": None if stored is None else str(stored.id)}


def _flow_row(flow: Flow) -> JsonObject:
    row = asdict(flow)
    for name in ("expire_after", "min_gap"):
        if row[name] is not None:
            row[name] = f"{row[name].total_seconds():f} seconds"
    return row


def _order(step: Mapping[str, Any]) -> tuple[int, bool, bool, time]:
    """Where a step stands in its flow, as the database orders them; equal ones keep their order."""
    is_timed = step["time_type"] is TimeType.SPECIFIC
    at = None
    if step["time"] and is_timed:
        with suppress(ValueError):  # a draft's
            at = parse_time_of_day(step["time"])
    return step["day"], is_timed, at is None, at or time()
