"""``flowctl reconcile``: ask Twilio what became of texts."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import Json
from flowctl.cli.session import attach_database, require_schema, session_of
from flowctl.cli.values import duration
from flowctl.errors import InputError
from flowctl.model import Channel


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile")(reconcile)


def reconcile(
    ctx: typer.Context,
    *,
    since: Annotated[
        timedelta,
        typer.Option(parser=duration, metavar="TIME", help="Look at texts of the last so long."),
    ] = "3d",  # type: ignore[assignment]  # typer parses it
    as_json: Json = False,
) -> None:
    """Ask what became of messages, and who opted out.

    Twilio is asked about texts sent lately, and for STOP and START replies.
    From cron, once an hour: flowctl reconcile
    """
    from flowctl import database
    from flowctl.reconcile import texts as use_case
    from flowctl.transports import text_lookup_for

    settings = session_of(ctx).settings
    provider = text_lookup_for(settings)
    if provider is None:
        raise InputError(
            "Twilio is not configured",
            hint="set " + ", ".join(settings.missing[Channel.TEXT]),
        )
    try:
        with attach_database(ctx) as conninfo:
            with database.connect(conninfo) as connection:
                require_schema(connection)
            with database.translated():
                done = use_case.reconcile(
                    lambda: database.open_connection(conninfo), provider, since
                )
    finally:
        provider.close()
    if as_json:
        show.json_document(asdict(done))
        return
    show.line(
        f"{done.texts} texts listed, {done.updated} deliveries updated, "
        f"{len(done.suppressed)} numbers suppressed, {len(done.lifted)} lifted"
    )
    if done.found or done.missing or done.waiting:
        show.line(
            f"unknown outcomes: {done.found} were sent, {done.missing} were not and are due again, "
            f"{done.waiting} to be asked about later"
        )
    for code, count in sorted(done.undelivered.items(), key=lambda pair: -pair[1]):
        show.line(f"not delivered: {count} with https://www.twilio.com/docs/api/errors/{code}")
