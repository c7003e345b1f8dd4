"""``flowctl steps``: the steps file and the database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import DryRun, Json, command_group
from flowctl.cli.session import open_database, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowctl.flowfile.warnings import FileWarning
    from flowctl.plan import StepChange
    from flowctl.steps import SyncResult
    from flowctl.store.steps import StoredStep

_WIDTH = 40
"""Characters of what a step says, in the list."""

_group = command_group("Bring the steps file into the database, and back.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the program."""
    app.add_typer(_group, name="steps")


@_group.command("sync")
def sync_steps(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    dry_run: DryRun = False,
    update_pending: Annotated[
        bool,
        typer.Option(
            "--update-pending", help="Let pending messages of changed steps follow the change."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the flows of FILE so in the database, and print what changed.

    A step that is gone from FILE is disabled, never deleted. Example: flowctl steps sync flows.toml
    """
    from flowctl import flowfile
    from flowctl.steps import sync, warnings

    flows = flowfile.read(file)
    can_unsubscribe = bool(session_of(ctx).settings.email.unsubscribe)
    with open_database(ctx) as connection:
        synced = sync(connection, flows, dry_run=dry_run, update_pending=update_pending)
        found = warnings(connection, flows, can_unsubscribe=can_unsubscribe)
    if as_json:
        show.json_document({**_document(synced), "warnings": found})
    else:
        _show(synced)
    _warn(found)
    if dry_run:
        show.say("dry run: nothing was changed")


@_group.command("list")
def list_steps(ctx: typer.Context, as_json: Json = False) -> None:
    """List the steps in the database.

    Example: flowctl steps list
    """
    from flowctl import steps as use_case

    with open_database(ctx) as connection:
        steps = use_case.list_steps(connection)
    if as_json:
        show.json_document([_row(stored) for stored in steps])
        return
    show.table(
        ("flow", "order", "key", "type", "day", "time", "enabled", "content"),
        [
            (
                stored.step.flow,
                stored.step_order,
                stored.step.key,
                stored.step.type,
                stored.step.day,
                stored.step.time or stored.step.time_type,
                stored.step.enabled,
                _beginning(stored.step.subject or stored.step.content or ""),
            )
            for stored in steps
        ],
        empty="no steps yet: flowctl steps sync FILE",
    )


@_group.command("export")
def export_steps(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", show_default=False)] = None,
) -> None:
    """Write the flows and steps as a steps file.

    To FILE, or to stdout. A step without a key is given one, in the database too. Example: flowctl
    steps export flows.toml
    """
    from flowctl import steps as use_case

    with open_database(ctx) as connection:
        text = use_case.export(connection)
    if file is None:
        show.raw(text)
    else:
        file.write_text(text, encoding="utf-8", newline="\n")
        show.say(f"{file}: written")


def _warn(found: "Sequence[FileWarning]") -> None:
    """A line for each thing that is odd, however many steps have it."""
    places: dict[tuple[str, str], list[str]] = {}
    for warning in found:
        place = warning.flow if warning.key is None else f"{warning.flow}/{warning.key}"
        places.setdefault((warning.field, warning.text), []).append(place)
    for (field, text), names in places.items():
        show.warn(f"{', '.join(dict.fromkeys(names))}: {field}: {text}")


def _document(synced: "SyncResult") -> dict[str, object]:
    plan = synced.plan
    renames = plan.renames
    return {
        "created": [_name(change) for change in plan.created],
        "updated": [_name(change) for change in plan.updated],
        "disabled": [f"{step.flow}/{step.key}" for step in plan.disabled],
        "unchanged": [f"{step.flow}/{step.key}" for step in plan.unchanged],
        "renamed": {f"{flow}/{old}": f"{flow}/{new}" for (flow, old), new in renames.steps.items()},
        "flows_renamed": dict(renames.flows),
        "flows_created": [change.flow.name for change in plan.flows_created],
        "flows_updated": [change.flow.name for change in plan.flows_updated],
        "pending_kept": synced.pending_kept,
        "pending_updated": synced.pending_updated,
        "pending_cancelled": synced.pending_cancelled,
    }


def _show(synced: "SyncResult") -> None:
    plan = synced.plan
    rows = [("create", f"flow {change.flow.name}", "") for change in plan.flows_created]
    rows += [
        ("update", f"flow {change.flow.name}", ", ".join(change.changed))
        for change in plan.flows_updated
    ]
    rows += [("create", _name(change), "") for change in plan.created]
    rows += [("update", _name(change), ", ".join(change.changed)) for change in plan.updated]
    rows += [("disable", f"{step.flow}/{step.key}", "not in the file") for step in plan.disabled]
    show.table(("change", "step", "details"), rows, empty="already up to date")
    if plan.unchanged and rows:
        show.say(f"{len(plan.unchanged)} unchanged")
    if synced.pending_updated:
        show.say(
            f"pending messages that follow the change: {synced.pending_updated}, "
            f"of these cancelled: {synced.pending_cancelled}"
        )
    if synced.pending_kept:
        show.say(
            f"pending messages that stay as they were scheduled: {synced.pending_kept} "
            "(--update-pending lets them follow, unless they are being sent)"
        )


def _name(change: "StepChange") -> str:
    return f"{change.step.flow}/{change.step.key}"


def _row(stored: "StoredStep") -> dict[str, object]:
    step = stored.step
    return {
        "id": stored.id,
        "flow": step.flow,
        "key": step.key,
        "step_order": stored.step_order,
        "type": step.type,
        "subject": step.subject,
        "content": step.content,
        "day": step.day,
        "time": step.time,
        "time_type": step.time_type,
        "enabled": step.enabled,
    }


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
