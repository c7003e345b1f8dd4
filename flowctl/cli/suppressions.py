"""``flowctl suppressions``: addresses that must not be written to."""

from dataclasses import asdict
from typing import Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import Json, command_group
from flowctl.cli.session import open_database, session_of

_group = command_group("Say which addresses must not be written to.")

_Address = Annotated[
    str,
    typer.Argument(metavar="ADDRESS", help="An email address, or a phone.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the program."""
    app.add_typer(_group, name="suppressions")


@_group.command("add")
def add_suppression(
    ctx: typer.Context,
    address: _Address,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why, for the record.", show_default=False)
    ] = None,
) -> None:
    """Never write to an address again.

    Example: flowctl suppressions add ada@example.com --reason 'asked to'
    """
    from flowctl.suppressions import suppress

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        found = suppress(connection, settings, address, reason)
    state = "is suppressed" if found.is_new else "was suppressed already"
    noun = "message" if found.pending == 1 else "messages"
    show.line(f"{found.address} ({found.channel}) {state}")
    show.say(f"{found.pending} pending {noun} will not go out")


@_group.command("remove")
def remove_suppression(ctx: typer.Context, address: _Address) -> None:
    """Let an address be written to again.

    Example: flowctl suppressions remove ada@example.com
    """
    from flowctl.suppressions import lift

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        lifted = lift(connection, settings, address)
    show.line(f"{lifted} may be written to again")


@_group.command("list")
def list_suppressions(ctx: typer.Context, as_json: Json = False) -> None:
    """List the suppressed addresses, the oldest first.

    Example: flowctl suppressions list
    """
    from flowctl import suppressions

    with open_database(ctx) as connection:
        found = suppressions.list_suppressions(connection)
    if as_json:
        show.json_document([asdict(entry) for entry in found])
        return
    show.table(
        ("channel", "address", "reason", "since", "by"),
        [(one.channel, one.address, one.reason, one.created_at, one.source) for one in found],
        empty="no address is suppressed",
    )
