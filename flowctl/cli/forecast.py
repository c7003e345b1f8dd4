"""``flowctl forecast``: what is to come."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import FlowName, Json
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import whole_number, zone

if TYPE_CHECKING:
    from flowctl.forecast import Forecast, ForecastDay

BAR = 24
"""Cells of the longest bar."""

COUNTRIES = 3
"""Countries of a day that a line has room for."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("forecast")(forecast)


def forecast(
    ctx: typer.Context,
    days: Annotated[
        int,
        typer.Option(parser=whole_number(1, 3650), metavar="N", help="Days, with today."),
    ] = 7,
    flow: FlowName = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            parser=zone,
            metavar="ZONE",
            help="Whose days; else the zone of --flow, else that of the flow default.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how many messages of each channel fall due on each day.

    Texts also in segments, each of which costs as much as a message, and by country. Of more than
    200 texts a day 200 are drawn and counted up. Example: flowctl forecast --days 14
    """
    from flowctl import forecast as use_case

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        found = use_case.forecast(connection, settings, days, flow=flow, timezone=timezone)
    if as_json:
        show.json_document({"timezone": found.timezone, "days": found.days, "cannot": found.cannot})
    else:
        _show(found)


def _show(found: "Forecast") -> None:
    show.say(f"days in {found.timezone}")
    most = max(day.email + day.text for day in found.days)
    bars = sys.stdout.isatty()
    show.table(
        ("date", "email", "text", "segments", "countries", *([""] if bars else [])),
        [(*_row(day), *([_bar(day, most)] if bars else [])) for day in found.days],
        empty="no days",
    )
    cannot = [
        f"{number} {words}"
        for number, words in (
            (found.cannot.no_address, "without an address"),
            (found.cannot.suppressed, "to suppressed addresses"),
            (found.cannot.paused, "of paused flows"),
        )
        if number
    ]
    if cannot:
        show.say(f"among these, not to go as things are: {', '.join(cannot)}")
    if found.is_sampled:
        show.say("segments and countries are counted up from 200 texts a day")


def _row(day: "ForecastDay") -> tuple[object, ...]:
    named = [f"{name} {count}" for name, count in day.countries.items()]
    more = ["…"] if len(named) > COUNTRIES else []
    countries = ", ".join([*named[:COUNTRIES], *more])
    return f"{day.date:%a} {day.date}", day.email, day.text, day.segments, countries


def _bar(day: "ForecastDay", most: int) -> str:
    """Emails dark and texts light, to the scale of the fullest day."""
    if not most:
        return ""
    email = round(BAR * day.email / most)
    return "█" * email + "▒" * (round(BAR * (day.email + day.text) / most) - email)
