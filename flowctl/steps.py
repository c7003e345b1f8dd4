"""Making the tables say what a steps file says, and a steps file of what they say."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from flowctl.database import Connection
from flowctl.flowfile.warnings import FileWarning, file_warnings
from flowctl.model import DEFAULT_FLOW, Flow, FlowSteps, JsonObject, Step
from flowctl.normalize import normalize_flow, normalize_step
from flowctl.plan import Plan, plan
from flowctl.renames import Renames, find_renames
from flowctl.selection import check_flow, resolve_when
from flowctl.store import steps as store
from flowctl.store.steps import Drift, PendingUpdate, StoredStep, SyncedChange
from flowctl.text import plural
from flowctl.times import When

_KEY_LENGTH = 40


@dataclass(frozen=True, slots=True)
class StepPending:
    """What becomes of the pending messages of a step, or of all steps of a file together.

    Those of ``drift`` stay as they are, and of ``update`` those that followed.
    """

    drift: Drift
    update: PendingUpdate

    @property
    def cancelling(self) -> int:
        """How many are cancelled by it, or will be when they come due."""
        return self.drift.cancelling + self.update.cancelled


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync did, or would do.

    ``pending`` has the steps of the file's flows, by flow and key and in their order, from which
    pending messages differed, whenever the step was changed; ``all_pending`` is the sum of these.
    """

    plan: Plan
    pending: Mapping[tuple[str, str], StepPending]
    all_pending: StepPending


def sync(
    connection: Connection,
    file: Sequence[FlowSteps],
    *,
    dry_run: bool = False,
    update_pending: bool = False,
) -> SyncResult:
    """Make the tables say what the file says, in one transaction; two syncs wait for each other.

    A dry run does the same and rolls back, so it says exactly what would be done. Raises
    ``InputError`` for what the database refuses, and for former names that are still in use.
    """
    with connection.transaction(force_rollback=dry_run):
        store.lock_sync(connection)
        renames = find_renames(file, _tables(connection, store.select_steps(connection)))
        _rename(connection, renames)
        stored = store.select_steps(connection)
        changes = plan(file, _tables(connection, stored), renames)
        _write(connection, changes, stored)
        if entries := _entries(changes):
            store.add_changes(connection, entries)
        names = [entry.flow.name for entry in file]
        drifts = store.select_drift(connection, names)
        updates: dict[UUID | None, PendingUpdate] = {}
        if update_pending:
            updates = store.update_pending(connection, [id_ for id_ in drifts if id_ is not None])
            drifts = store.select_drift(connection, names)
        ids = _ids(store.select_steps(connection))
    return SyncResult(
        plan=changes,
        pending={
            name: _pending(drifts, updates, id_)
            for name, id_ in ids.items()
            if id_ in drifts or id_ in updates
        },
        all_pending=_pending(drifts, updates, None),
    )


def _pending(
    drifts: Mapping[UUID | None, Drift],
    updates: Mapping[UUID | None, PendingUpdate],
    id_: UUID | None,
) -> StepPending:
    return StepPending(drifts.get(id_, Drift()), updates.get(id_, PendingUpdate()))


def warnings(
    connection: Connection, file: Sequence[FlowSteps], *, unsubscribe: Sequence[str]
) -> list[FileWarning]:
    """What is odd about a file that was synced, or tried: it is done all the same.

    ``unsubscribe`` has the addresses that every email has for it.
    """
    columns = store.lead_columns(connection)
    found = list(file_warnings(file, columns, unsubscribe=unsubscribe))
    # a flow of a former name: a dry run has not renamed it
    names = {entry.flow.name for entry in file} | {entry.was for entry in file}
    found += [
        FileWarning(
            name,
            None,
            "name",
            f"on in the database, with {plural(steps, 'step')}, and not in the file: it goes on",
        )
        for name, steps in store.active_flows(connection).items()
        if name not in names
    ]
    return found


def history(
    connection: Connection, flow: str | None = None, since: When | None = None
) -> list[SyncedChange]:
    """What syncs did in the last year, of one flow or of all, the newest first.

    Raises InputError for a flow that does not exist and never did.
    """
    earliest = None if since is None else resolve_when(connection, since, None, flow)
    found = store.list_changes(connection, flow, earliest)
    if flow is not None and not found:
        check_flow(connection, flow)
    return found


def list_steps(connection: Connection, flow: str | None = None) -> list[StoredStep]:
    """The steps in the database, of one flow or of all, by flow and order.

    Raises InputError for a flow that does not exist.
    """
    if flow is not None:
        check_flow(connection, flow)
    return [row for row in store.select_steps(connection) if flow in {None, row.step.flow}]


def export(connection: Connection) -> list[FlowSteps]:
    """The flows and steps for a steps file that, synced, changes nothing.

    A step without a key is given one, in the database too.
    """
    with connection.transaction():
        store.lock_sync(connection)
        stored = store.select_steps(connection)
        keys = _new_keys(stored)
        if keys:
            store.name_steps(connection, keys)
        named = [
            replace(row, step=replace(row.step, key=keys.get(row.id, row.step.key)))
            for row in stored
        ]
        flows = _tables(connection, named)
    nothing = FlowSteps(Flow(DEFAULT_FLOW), ())
    return [flow for flow in flows if flow != nothing] or [nothing]


def _tables(connection: Connection, stored: Sequence[StoredStep]) -> list[FlowSteps]:
    """The flows of the database with these steps, in normal form."""
    return [
        FlowSteps(
            normalize_flow(flow),
            tuple(normalize_step(row.step) for row in stored if row.step.flow == flow.name),
        )
        for flow in store.select_flows(connection)
    ]


def _rename(connection: Connection, renames: Renames) -> None:
    for new, old in renames.flows.items():
        store.rename_flow(connection, old, new)
    if renames.steps:
        store.rename_steps(connection, renames.steps)


def _write(connection: Connection, changes: Plan, stored: Sequence[StoredStep]) -> None:
    for flow in (*changes.flows_created, *changes.flows_updated):
        store.put_flow(connection, flow.flow)
    steps = [change.step for change in (*changes.created, *changes.updated)]
    if steps:
        store.put_steps(connection, steps, changes.positions)
    store.order_steps(connection, changes.positions)
    if changes.disabled:
        ids = _ids(stored)
        store.disable_steps(
            connection, [ids[step.flow, str(step.key)] for step in changes.disabled]
        )


def _entries(changes: Plan) -> list[JsonObject]:
    """The changes as the history has them."""
    made: list[tuple[str, str, str | None, tuple[str, ...]]] = [
        *(("create", change.flow.name, None, ()) for change in changes.flows_created),
        *(("update", change.flow.name, None, change.changed) for change in changes.flows_updated),
        *(("create", change.step.flow, change.step.key, ()) for change in changes.created),
        *(
            ("update", change.step.flow, change.step.key, change.changed)
            for change in changes.updated
        ),
        *(("disable", step.flow, step.key, ("enabled",)) for step in changes.disabled),
    ]
    return [
        {"change": change, "flow": flow, "key": key, "fields": fields}
        for change, flow, key, fields in made
    ]


def _ids(stored: Sequence[StoredStep]) -> dict[tuple[str, str], UUID]:
    return {(row.step.flow, row.step.key): row.id for row in stored if row.step.key is not None}


def _new_keys(stored: Sequence[StoredStep]) -> dict[UUID, str]:
    """A key for each step that has none, by its subject or its place, unlike all of its flow."""
    taken = {(row.step.flow, row.step.key) for row in stored}
    keys = {}
    for row in stored:
        if row.step.key is not None:
            continue
        stem = _stem(row.step)
        key, number = stem, 1
        while (row.step.flow, key) in taken:
            number += 1
            key = f"{stem}-{number}"
        taken.add((row.step.flow, key))
        keys[row.id] = key
    return keys


def _stem(step: Step) -> str:
    plain = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", step.subject or "")
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", ascii_only.replace("'", ""))
    return "-".join(words)[:_KEY_LENGTH].strip("-") or f"{step.type}-day-{step.day}"
