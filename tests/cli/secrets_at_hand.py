"""A command that has every secret in its hands when a bug ends it."""

import typer

from flowctl.cli.session import open_database, session_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("crash")(crash)


def crash(ctx: typer.Context) -> None:
    """Connect, make the transports, and fall over."""
    from flowctl.model import Channel
    from flowctl.transports import transport_for

    settings = session_of(ctx).settings
    held = [transport_for(channel, settings, concurrency=1) for channel in Channel]
    with open_database(ctx) as connection:
        raise RuntimeError(connection, held, settings)
