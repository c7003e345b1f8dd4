"""``flowctl leads stop`` and ``resume``: keep a lead out of its flows, and let it go on."""

from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.leads import group
from flowctl.cli.options import FlowName, Json, LeadArgument
from flowctl.cli.session import open_database, session_of
from flowctl.text import plural

if TYPE_CHECKING:
    from flowctl.database import Connection
    from flowctl.settings import Settings
    from flowctl.store.leads import LeadRow


@group.command("stop")
def stop_lead(
    ctx: typer.Context,
    lead: LeadArgument,
    *,
    flow: FlowName = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why, for the record.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Cancel a lead's messages, and keep it out until resumed.

    Out of all flows, or of one. Example: flowctl leads stop ada@example.com --reason 'asked to'
    """
    from flowctl import stops

    with open_database(ctx) as connection:
        found = _lead(connection, session_of(ctx).settings, lead, flow)
        stopped = stops.stop_lead(connection, found.id, flow, reason)
    if as_json:
        show.json_document({"cancelled": stopped.cancelled})
    else:
        where = f"in {flow}" if flow else "in all flows"
        already = "was stopped already" if stopped.was_stopped else "is stopped"
        cancelled = f"{plural(stopped.cancelled, 'message')} cancelled"
        show.line(f"{_name(found)} {already} {where}, {cancelled}")
    if stopped.being_sent:
        count = plural(stopped.being_sent, "message")
        show.warn(f"{count} being sent at this moment: too late for that")


@group.command("resume")
def resume_lead(
    ctx: typer.Context, lead: LeadArgument, *, flow: FlowName = None, as_json: Json = False
) -> None:
    """Let a stopped lead go on, with what still lies ahead.

    Example: flowctl leads resume ada@example.com
    """
    from flowctl import stops

    with open_database(ctx) as connection:
        found = _lead(connection, session_of(ctx).settings, lead, flow)
        resumed = stops.resume_lead(connection, found.id, flow)
    if as_json:
        show.json_document({"restored": resumed.restored, "left": resumed.left})
        return
    if not resumed.was_stopped:
        show.line(f"{_name(found)} is not stopped" + (f" in {flow}" if flow else ""))
        return
    restored = plural(resumed.restored, "message")
    show.line(f"{_name(found)} goes on: {restored} pending again at their planned times")
    if resumed.left:
        show.say("left cancelled, since their planned time is over:")
        show.table(
            ("message", "step", "planned for"),
            [(one.id, f"{one.flow}/{one.step}", one.planned_for) for one in resumed.left],
            empty="",
        )


def _lead(connection: "Connection", settings: "Settings", lead: str, flow: str | None) -> "LeadRow":
    """The lead that is meant, in a flow that exists."""
    from flowctl.leadlookup import find_lead
    from flowctl.selection import check_flow

    found = find_lead(connection, settings, lead)
    if flow is not None:
        check_flow(connection, flow)
    return found


def _name(lead: "LeadRow") -> str:
    from flowctl.selection import lead_name

    return lead_name(lead.row) or f"lead {lead.id}"
