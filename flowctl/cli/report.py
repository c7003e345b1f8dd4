"""``flowctl report``: a page to look at."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import FlowName, Json
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import duration


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.html", show_default=False)],
    since: Annotated[
        timedelta, typer.Option(parser=duration, metavar="TIME", help="How far back to report.")
    ] = "30d",  # type: ignore[assignment]  # typer parses it
    flow: FlowName = None,
    as_json: Json = False,
) -> None:
    """Write a page about each flow and its messages.

    It is complete in itself: nothing is loaded, nothing runs. No lead is named in it.
    Example: flowctl report report.html
    """
    from flowctl import report as use_case
    from flowctl.cli.files import write_whole

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        found = use_case.report(connection, settings, since, flow)
    write_whole(file, use_case.html_page(found), force=True)
    if as_json:
        show.json_document(
            {"file": file, **{field.name: getattr(found, field.name) for field in fields(found)}}
        )
    else:
        show.say(f"{file}: written")
