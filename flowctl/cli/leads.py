"""``flowctl leads``: the group of its commands, and adding leads."""

from collections.abc import Sequence
from typing import Annotated

import typer

from flowctl.cli import show
from flowctl.cli.leads_import import import_leads
from flowctl.cli.options import Json, command_group
from flowctl.cli.session import open_leads, session_of
from flowctl.errors import UsageError
from flowctl.text import plural

group = command_group("Add leads; see, enroll, stop, move and forget them.")


def register(app: typer.Typer) -> None:
    """Add the group, with all its commands, to the program."""
    from flowctl.cli import enrollments, stops  # noqa: F401  # they add their commands

    group.command("import")(import_leads)
    app.add_typer(group, name="leads")


@group.command("add")
def add_lead(
    ctx: typer.Context,
    columns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COLUMN=VALUE",
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
        show.warn(f"'{added.unknown_zone}' is not an IANA time zone: the flow's is used")
    if as_json:
        show.json_document({"id": added.id, "scheduled": added.scheduled})
    else:
        show.line(f"lead {added.id}: {plural(added.scheduled, 'message')} scheduled")


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
