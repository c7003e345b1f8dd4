"""``flowctl steps``: the steps file and the database."""

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import completion, show
from flowctl.cli.options import DryRun, FlowName, Json, command_group
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import when
from flowctl.errors import UsageError
from flowctl.times import When

if TYPE_CHECKING:
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
    """Bring the database up to date with FILE; print what changed.

    A step that is gone from FILE is disabled, never deleted. Example: flowctl steps sync flows.toml
    """
    from flowctl import flowfile
    from flowctl.cli.plan import plan_document, show_plan
    from flowctl.cli.warnings import show_warnings
    from flowctl.steps import sync, warnings

    flows = flowfile.read(file)
    unsubscribe = session_of(ctx).settings.email.unsubscribe
    with open_database(ctx) as connection:
        synced = sync(connection, flows, dry_run=dry_run, update_pending=update_pending)
        found = warnings(connection, flows, unsubscribe=unsubscribe)
    if as_json:
        show.json_document({**plan_document(synced), "warnings": found})
    else:
        show_plan(synced, is_dry_run=dry_run)
    show_warnings(found)
    if dry_run:
        show.say("dry run: nothing was changed")


@_group.command("list")
def list_steps(ctx: typer.Context, flow: FlowName = None, as_json: Json = False) -> None:
    """List the steps in the database, and when each was last changed.

    Example: flowctl steps list --flow nurture
    """
    from flowctl import steps as use_case

    with open_database(ctx) as connection:
        steps = use_case.list_steps(connection, flow)
    if as_json:
        show.json_document([_row(stored) for stored in steps])
        return
    show.table(
        ("step", "type", "day", "changed (UTC)", "content"),
        [
            (
                _name(stored),
                stored.step.type,
                f"{stored.step.day}, {stored.step.time or stored.step.time_type}",
                show.short_time(stored.updated_at.astimezone(UTC)),
                _beginning(stored.step.subject or stored.step.content or ""),
            )
            for stored in steps
        ],
        empty="no steps yet: flowctl steps sync FILE",
    )


@_group.command("history")
def show_history(
    ctx: typer.Context,
    flow: FlowName = None,
    since: Annotated[
        When | None,
        typer.Option(
            parser=when,
            metavar="WHEN",
            help="Only from then on: a date and time, or a duration ago (7d).",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what each sync changed, the newest first.

    Example: flowctl steps history --since 7d
    """
    from flowctl import steps as use_case

    with open_database(ctx) as connection:
        changes = use_case.history(connection, flow, since)
    if as_json:
        show.json_document(changes)
        return
    show.table(
        ("when (UTC)", "by", "change", "step", "fields"),
        [
            (
                show.short_time(made.synced_at.astimezone(UTC)),
                made.synced_by,
                made.change,
                f"flow {made.flow}" if made.key is None else f"{made.flow}/{made.key}",
                ", ".join(made.fields),
            )
            for made in changes
        ],
        empty="no sync changed anything",
    )


@_group.command("export")
def export_steps(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Else, or with -, on stdout.", show_default=False),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace FILE, with the comments in it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the flows and steps as a steps file.

    A step without a key is given one, in the database too.
    Example: flowctl steps export flows.toml
    """
    from flowctl import flowfile
    from flowctl import steps as use_case
    from flowctl.cli.files import check_free, export

    if file == Path("-"):
        file = None
    if file is not None:
        check_free(file, force=force)
    with open_database(ctx) as connection:
        flows = use_case.export(connection)
    counts = {"flows": len(flows), "steps": sum(len(flow.steps) for flow in flows)}
    export(file, flowfile.write(flows), counts, force=force, as_json=as_json)


@_group.command("test")
def sample_step(
    ctx: typer.Context,
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY", help="The step.", show_default=False, autocompletion=completion.steps
        ),
    ],
    to: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="An email address or phone of yours."),
    ],
    flow: FlowName = None,
    lead: Annotated[
        str | None,
        typer.Option(
            metavar="LEAD",
            help="As this lead would get it: its id, email or phone.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a sample of a step to an address of your own.

    It goes out as it would to a lead; no message is touched.
    Example: flowctl steps test welcome --to you@example.com
    """
    from flowctl import samples
    from flowctl.address import AddressError

    settings = session_of(ctx).settings
    try:
        recipient = samples.recipient(settings, to)
    except AddressError as error:
        raise UsageError(
            f"--to: {error}", hint="give an email address, or a phone with +"
        ) from None
    with open_database(ctx) as connection:
        sent = samples.send_sample(connection, settings, recipient, key, flow=flow, lead=lead)
    if as_json:
        show.json_document(sent)
    else:
        show.line(
            f"sent a sample of {sent.flow}/{sent.key or key} to {sent.to}: {sent.provider_id}"
        )


def _name(stored: "StoredStep") -> str:
    step = stored.step
    return f"{step.flow}/{step.key or f'#{stored.step_order}'}" + ("" if step.enabled else " (off)")


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
        "format": step.format,
        "updated_at": stored.updated_at,
    }


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
