"""``flowctl leads``: add one, enroll some, stop one."""

from collections.abc import Sequence
from typing import Annotated

import typer

from flowctl.cli import show
from flowctl.cli.leads_import import import_leads
from flowctl.cli.options import Json, Yes, command_group
from flowctl.cli.session import open_database, open_leads, session_of
from flowctl.errors import UsageError

_group = command_group("Add leads, enroll them in a flow, stop one.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the program."""
    _group.command("import")(import_leads)
    app.add_typer(_group, name="leads")


@_group.command("add")
def add_lead(
    ctx: typer.Context,
    columns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COLUMN=VALUE]...",
            help="Any column of the leads table; no VALUE is null.",
            show_default=False,
        ),
    ] = None,
    *,
    email: Annotated[str | None, typer.Option(metavar="E", show_default=False)] = None,
    phone: Annotated[str | None, typer.Option(metavar="P", show_default=False)] = None,
    first_name: Annotated[str | None, typer.Option(metavar="F", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Add one lead; its messages are scheduled at once.

    Example: flowctl leads add --email ada@example.com --first-name Ada timezone=Europe/London
    """
    options = {"email": email, "phone": phone, "first_name": first_name}
    values = _columns(
        [
            *(f"{name}={value}" for name, value in options.items() if value is not None),
            *(columns or ()),
        ]
    )
    from flowctl import leads

    with open_leads(ctx) as connection:
        added = leads.add_lead(connection, session_of(ctx).settings, values)
    if added.unknown_zone is not None:
        show.warn(f"'{added.unknown_zone}' is no IANA zone: the lead is in its flow's zone")
    if as_json:
        show.json_document({"id": added.id, "scheduled": added.scheduled})
    else:
        show.line(f"lead {added.id}: {_messages(added.scheduled)} scheduled")


@_group.command("enroll")
def enroll_leads(
    ctx: typer.Context,
    flow: Annotated[str, typer.Option(metavar="NAME", help="The flow.", show_default=False)],
    lead_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LEAD]...", help="Their ids, emails or phones.", show_default=False
        ),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All leads there are.")] = False,
    yes: Yes = False,
) -> None:
    """Schedule a flow's steps for leads that exist.

    Those steps that they lack and whose date has not passed for them. Example: flowctl leads enroll
    --flow nurture --all
    """
    if every == bool(lead_ids):
        raise UsageError(
            "give the ids of leads, or --all" + (", not both" if every else ""),
            hint="flowctl leads enroll --flow NAME --all",
        )
    from flowctl import leads
    from flowctl.leadlookup import find_each

    with open_database(ctx) as connection:
        chosen = find_each(connection, session_of(ctx).settings, lead_ids or [])
        ids = None if every else [lead.id for lead in chosen]
        plan = leads.plan_enrolment(connection, flow, ids)
        if not plan.messages:
            show.line(
                f"nothing to add: the steps of {flow} are scheduled, behind these leads or off"
            )
            return
        what = f"{_messages(plan.messages)} of {flow} for {_count(plan.leads, 'lead')}"
        show.confirm(f"add {what}?", yes=yes)
        added = leads.enroll(connection, plan)
    show.line(f"{_messages(added)} of {flow} added")


@_group.command("stop")
def stop_lead(
    ctx: typer.Context,
    written: Annotated[
        str,
        typer.Argument(metavar="LEAD", help="Its id, email or phone.", show_default=False),
    ],
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why, for the record.", show_default=False)
    ] = None,
) -> None:
    """Cancel a lead's pending messages.

    Example: flowctl leads stop 5b3e08c1-... --reason 'asked to by phone'
    """
    from flowctl import leads
    from flowctl.leadlookup import find_lead

    with open_database(ctx) as connection:
        lead = find_lead(connection, session_of(ctx).settings, written)
        stopped = leads.stop_lead(connection, lead.id, reason)
    show.line(f"{_messages(stopped.cancelled)} cancelled")
    if stopped.being_sent:
        show.warn(f"{_messages(stopped.being_sent)} being sent at this moment: too late for that")


def _columns(written: Sequence[str]) -> dict[str, str]:
    """COLUMN=VALUE, each column once."""
    values: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"not COLUMN=VALUE: '{text}'", hint="write it like source=website")
        if name in values:
            raise UsageError(f"column {name} is given twice", hint="give it once")
        values[name] = value
    if not values:
        raise UsageError(
            "there is nothing to add", hint="flowctl leads add --email ada@example.com"
        )
    return values


def _messages(count: int) -> str:
    return _count(count, "message")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
