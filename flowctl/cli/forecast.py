"""``flowctl forecast``: what is to come."""

from typing import Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import Json
from flowctl.cli.session import open_database


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("forecast")(forecast)


def forecast(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3650, metavar="N", help="Days, with today.")] = 7,
    as_json: Json = False,
) -> None:
    """Show how many messages of each channel fall due on each day.

    The days are those of the zone of the flow `default`. Example: flowctl forecast --days 14
    """
    from flowctl import status as use_case

    with open_database(ctx) as connection:
        found = use_case.forecast(connection, days)
    entries = [{"date": day.date, "email": day.email, "text": day.text} for day in found.days]
    if as_json:
        show.json_document({"timezone": found.timezone, "days": entries})
        return
    show.say(f"days of {found.timezone}")
    show.table(
        ("date", "email", "text"),
        [(f"{day.date:%a} {day.date}", day.email, day.text) for day in found.days],
        empty="no days",
    )
