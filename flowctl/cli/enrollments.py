"""``flowctl leads``: where leads stand in flows; enroll, move and forget them."""

from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import completion, show
from flowctl.cli.leads import group
from flowctl.cli.options import DryRun, FlowName, Json, LeadArgument, Yes
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import whole_number
from flowctl.errors import UsageError
from flowctl.text import plural

if TYPE_CHECKING:
    from flowctl.enrollments import LeadSummary

LIST_LIMIT = 100
"""Rows of the list where no limit is given."""

_STATES = ("active", "finished", "stopped", "left")


@group.command("show")
def show_lead(ctx: typer.Context, lead: LeadArgument, as_json: Json = False) -> None:
    """Show a lead: its zone, where it stands in each flow, what it got.

    Example: flowctl leads show ada@example.com
    """
    from flowctl import enrollments

    with open_database(ctx) as connection:
        found = enrollments.show_lead(connection, session_of(ctx).settings, lead)
    if as_json:
        show.json_document(
            {
                "id": found.lead.id,
                "email": found.lead.text("email"),
                "phone": found.lead.text("phone"),
                "timezone": found.timezone,
                "flows": found.flows,
                "messages": found.messages,
                "suppressed": found.suppressed,
                "undelivered": found.undelivered,
            }
        )
    else:
        _show_lead(found)


@group.command("list")
def list_leads(
    ctx: typer.Context,
    *,
    flow: FlowName = None,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help=f"Only {', '.join(_STATES)}.",
            show_default=False,
            autocompletion=completion.one_of(*_STATES),
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="STEP",
            help="Only those that stand at STEP.",
            show_default=False,
            autocompletion=completion.steps,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(), metavar="N", help="At most N leads.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List who is in a flow, and where.

    Example: flowctl leads list --flow nurture --state active
    """
    from flowctl import enrollments

    if state is not None and state not in _STATES:
        raise typer.BadParameter(
            f"{state!r} is not one of {', '.join(_STATES)}", param_hint="--state"
        )
    chosen = None if state is None else enrollments.State(state)
    most = limit if as_json else limit or LIST_LIMIT
    with open_database(ctx) as connection:
        found = enrollments.list_leads(connection, flow=flow, state=chosen, at=at, limit=most)
    if as_json:
        columns = ("id", "email", "phone", "flow", "state", "step", "next_due")
        show.json_document([{name: getattr(one, name) for name in columns} for one in found])
        return
    show.table(
        ("who", "address", "flow", "state", "step", "next due (UTC)"),
        [
            (
                one.name,
                one.email or one.phone or one.id,
                one.flow,
                one.state,
                one.step,
                one.next_due and show.short_time(one.next_due.astimezone(UTC)),
            )
            for one in found
        ],
        empty="no leads",
    )
    if most is not None and len(found) == most:
        show.say(f"the first {most}; --limit N shows more")


@group.command("enroll")
def enroll_leads(
    ctx: typer.Context,
    flow: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The flow.", show_default=False, autocompletion=completion.flows
        ),
    ],
    leads: Annotated[list[str] | None, typer.Argument(metavar="LEAD", show_default=False)] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All leads there are.")] = False,
    counted_from: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="created|now",
            help="What a lead's days are counted from.",
            autocompletion=completion.one_of("created", "now"),
        ),
    ] = "created",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Schedule a flow's steps for leads that exist.

    Those steps that they lack and whose date has not passed for them.
    Example: flowctl leads enroll --flow nurture --all
    """
    if every == bool(leads):
        raise UsageError(
            "give leads, or --all" + (", not both" if every else ""),
            hint="flowctl leads enroll --flow NAME --all",
        )
    if counted_from not in {"created", "now"}:
        raise typer.BadParameter(f"{counted_from!r} is not created or now", param_hint="--from")
    from flowctl import leads as use_case

    with open_database(ctx) as connection:
        plan = use_case.plan_enrollment(
            connection,
            session_of(ctx).settings,
            flow,
            None if every else leads,
            from_now=counted_from == "now",
        )
        for reason, count in plan.left_out.items():
            show.say(f"left out: {plural(count, 'lead')}: {reason}")
        added = 0
        if plan.messages and not dry_run:
            what = f"{plural(plan.messages, 'message')} of {flow} for {plural(plan.leads, 'lead')}"
            show.confirm(f"add {what}?", yes=yes)
            added = use_case.enroll(connection, plan)
    if as_json:
        scheduled = plan.messages if dry_run else added
        show.json_document({"leads": plan.leads, "scheduled": scheduled, "left_out": plan.left_out})
    elif not plan.messages:
        show.line("nothing to add")
    elif dry_run:
        show.line(f"would add {plural(plan.messages, 'message')} of {flow}")
    else:
        show.line(f"{plural(added, 'message')} of {flow} added")


@group.command("move")
def move_lead(
    ctx: typer.Context,
    lead: LeadArgument,
    origin: Annotated[
        str,
        typer.Option("--from", metavar="FLOW", show_default=False, autocompletion=completion.flows),
    ],
    target: Annotated[
        str,
        typer.Option("--to", metavar="FLOW", show_default=False, autocompletion=completion.flows),
    ],
    as_json: Json = False,
) -> None:
    """Take a lead out of one flow and into another, from now.

    Example: flowctl leads move ada@example.com --from nurture --to customers
    """
    from flowctl import leads as use_case

    with open_database(ctx) as connection:
        moved = use_case.move_lead(connection, session_of(ctx).settings, lead, origin, target)
    if as_json:
        show.json_document(moved)
    else:
        show.line(
            f"{plural(moved.cancelled, 'message')} of {origin} cancelled, "
            f"{plural(moved.scheduled, 'message')} of {target} scheduled"
        )


@group.command("forget")
def forget_lead(
    ctx: typer.Context, lead: LeadArgument, *, yes: Yes = False, as_json: Json = False
) -> None:
    """Erase a person: the lead and its messages.

    Suppressions stay, so that nobody is written to again who said no; so do digests of addresses.
    Example: flowctl leads forget ada@example.com
    """
    from flowctl import leads as use_case

    with open_database(ctx) as connection:
        plan = use_case.plan_forgetting(connection, session_of(ctx).settings, lead)
        show.confirm(
            f"erase {plan.name} ({plan.lead_id}) and {plural(plan.messages, 'message')}, for good?",
            yes=yes,
        )
        use_case.forget_lead(connection, plan)
    if as_json:
        show.json_document({"id": plan.lead_id, "messages": plan.messages})
    else:
        show.line(f"erased: the lead and {plural(plan.messages, 'message')}")
    show.say("suppressions and digests of addresses stay, so that nobody is written to again")


def _show_lead(found: "LeadSummary") -> None:
    lead = found.lead
    rows: list[tuple[str, object]] = [
        ("lead", lead.id),
        ("name", found.name),
        ("email", lead.text("email")),
        ("phone", lead.text("phone")),
        ("zone", f"{found.timezone} ({found.zone_source})"),
        *(("suppressed", address) for address in found.suppressed),
        *(
            (
                "stopped",
                f"{stop.flow or 'all flows'} since {show.cell(stop.stopped_at)}"
                + (f": {stop.reason}" if stop.reason else ""),
            )
            for stop in found.stops
        ),
        *((str(status), count) for status, count in found.messages.items()),
        *(("not delivered", f"{one.count} for {one.code}") for one in found.undelivered),
    ]
    show.table(("", "lead"), [row for row in rows if row[1] is not None], empty="nothing")
    show.line()
    show.table(
        ("flow", "state", "step", "next due"),
        [(one.flow, one.state, one.step, one.next_due) for one in found.flows],
        empty="it is in no flow",
    )
