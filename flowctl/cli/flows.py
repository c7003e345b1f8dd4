"""``flowctl flows``: which are on and what waits in them; pause one and resume it."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import completion, show
from flowctl.cli.options import DryRun, Json, command_group
from flowctl.cli.session import open_database
from flowctl.text import plural
from flowctl.times import format_duration

if TYPE_CHECKING:
    from flowctl.flows import Late, ResumeResult
    from flowctl.store.flows import FlowSummary

_LATE = ("send", "skip", "shift")

_group = command_group("See the flows; pause one and resume it.")

_Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The flow.", show_default=False, autocompletion=completion.flows
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the program."""
    app.add_typer(_group, name="flows")


@_group.command("list")
def list_flows(ctx: typer.Context, as_json: Json = False) -> None:
    """List the flows, and what waits in them.

    Example: flowctl flows list
    """
    from flowctl import flows

    with open_database(ctx) as connection:
        found = flows.list_flows(connection)
    if as_json:
        show.json_document(found)
        return
    show.table(
        ("flow", "state", "zone", "steps", "leads", "pending", "next due", "settings"),
        [
            (
                flow.name,
                _state(flow),
                flow.timezone,
                flow.steps,
                flow.leads,
                flow.pending,
                flow.next_due,
                _settings(flow),
            )
            for flow in found
        ],
        empty="no flows",
    )


@_group.command("pause")
def pause_flow(ctx: typer.Context, name: _Name, as_json: Json = False) -> None:
    """Let a flow's messages wait until it is resumed.

    New leads are scheduled as ever. Example: flowctl flows pause nurture
    """
    from flowctl import flows

    with open_database(ctx) as connection:
        paused = flows.pause(connection, name)
    if as_json:
        show.json_document(paused)
    else:
        already = "was paused already, " if paused.was_paused else "is paused "
        show.line(f"{name} {already}since {show.cell(paused.paused_at)}")


@_group.command("resume")
def resume_flow(
    ctx: typer.Context,
    name: _Name,
    *,
    late: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="With messages that came due meanwhile: send (now, in step order), skip (cancel "
            "them), shift (move their leads' messages by whole days).",
            show_default=False,
            autocompletion=completion.one_of("send", "skip", "shift"),
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let a flow's messages go again.

    Example: flowctl flows resume nurture --late shift
    """
    from flowctl import flows

    chosen = _late(late)
    with open_database(ctx) as connection:
        if chosen is None and not dry_run:
            chosen = _asked(flows.resume(connection, name, flows.Late.SEND, is_dry_run=True))
        found = flows.resume(
            connection,
            name,
            chosen or (flows.Late.SEND if dry_run else None),
            is_dry_run=dry_run,
        )
    if as_json:
        show.json_document(found)
    else:
        _show(found, chosen, dry_run=dry_run)


def _late(written: str | None) -> "Late | None":
    if written is None:
        return None
    from flowctl.flows import Late

    if written not in _LATE:
        raise typer.BadParameter(f"{written!r} is not send, skip or shift", param_hint="--late")
    return Late(written)


def _asked(found: "ResumeResult") -> "Late | None":
    """What the person at the terminal wants with late messages; null where nobody can be asked."""
    from flowctl.flows import Late

    if not found.late.messages or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    answer = show.ask(f"{_came_due(found)}: send, skip or shift?")
    return Late(answer) if answer in _LATE else None


def _show(found: "ResumeResult", late: "Late | None", *, dry_run: bool) -> None:
    if not found.was_paused:
        show.line(f"{found.name} is not paused")
        return
    if found.late.messages:
        show.line(_came_due(found))
    match late:
        case "skip" if found.changed:
            show.line(f"cancelled, missed in a pause: {plural(found.changed, 'message')}")
        case "shift" if found.changed:
            show.line(f"moved by whole days: {plural(found.changed, 'message')}")
        case "send" if found.late.messages:
            show.line(f"due now: {plural(found.late.messages, 'message')}")
    if dry_run:
        show.say("dry run: nothing was changed; --late send, skip or shift says what is done")
    else:
        show.line(f"{found.name} is resumed")


def _came_due(found: "ResumeResult") -> str:
    late = found.late
    return f"{plural(late.messages, 'message')} of {plural(late.leads, 'lead')} came due meanwhile"


def _state(flow: "FlowSummary") -> str:
    if not flow.enabled:
        return "off"
    return "on" if flow.paused_at is None else f"paused since {show.cell(flow.paused_at)}"


def _settings(flow: "FlowSummary") -> str:
    parts = [
        f"{name} {json.dumps(value, ensure_ascii=False)}"
        for name, value in (
            ("audience", flow.audience),
            ("exit_when", flow.exit_when),
            ("send_window", flow.send_window),
        )
        if value is not None
    ]
    parts += [
        f"{name} {format_duration(value)}"
        for name, value in (("expire_after", flow.expire_after), ("min_gap", flow.min_gap))
        if value is not None
    ]
    return ", ".join([*parts, *(["dedupe_address"] if flow.dedupe_address else [])])
