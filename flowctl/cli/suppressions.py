"""``flowctl suppressions``: addresses that must not be written to."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import Json, Yes, command_group
from flowctl.cli.session import open_database, session_of
from flowctl.cli.suppressions_import import export_suppressions, import_suppressions
from flowctl.errors import InputError
from flowctl.model import Channel
from flowctl.text import plural

if TYPE_CHECKING:
    from uuid import UUID

    from flowctl.suppressions import Given

SHORT_ID = 8
"""Characters of a message's id: enough to name it."""

_group = command_group("Say which addresses must not be written to.")

_Addresses = Annotated[
    list[str],
    typer.Argument(
        metavar="ADDRESS",
        help="Email addresses and phones; - reads some from standard input, one a line.",
        show_default=False,
    ),
]


class Source(StrEnum):
    """Who put an address into suppressions."""

    MANUAL = "manual"
    IMPORT = "import"
    REPLY = "reply"
    PROVIDER = "provider"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the program."""
    _group.command("import")(import_suppressions)
    _group.command("export")(export_suppressions)
    app.add_typer(_group, name="suppressions")


@_group.command("add")
def add_suppressions(
    ctx: typer.Context,
    addresses: _Addresses,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why, for the record.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Never write to these addresses again.

    Example: flowctl suppressions add ada@example.com --reason 'asked to'
    """
    from flowctl.suppressions import suppress

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        found = suppress(connection, settings, _given(addresses), reason)
    if as_json:
        added = sum(one.is_new for one in found)
        show.json_document(
            {
                "added": added,
                "already": len(found) - added,
                "stopped": sum(one.pending for one in found),
                "addresses": [one.address for one in found],
            }
        )
        return
    for one in found:
        state = "is suppressed" if one.is_new else "was suppressed already"
        show.line(f"{one.address} ({one.channel}) {state}")
    show.say(f"{plural(sum(one.pending for one in found), 'pending message')} will not go out")


@_group.command("remove")
def remove_suppressions(
    ctx: typer.Context, addresses: _Addresses, *, yes: Yes = False, as_json: Json = False
) -> None:
    """Let these addresses be written to again.

    Asks only where somebody complained or unsubscribed.

    Example: flowctl suppressions remove ada@example.com
    """
    from flowctl import suppressions

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        removal = suppressions.plan_removal(connection, settings, _given(addresses))
        for one in removal.own_wish:
            show.confirm(f"{one.address} ({one.source}): write to it again?", yes=yes)
        suppressions.remove(connection, removal)
    if as_json:
        show.json_document({"removed": len(removal.found), "addresses": removal.addresses})
        return
    for address in removal.addresses:
        show.line(f"{address} may be written to again")


def _given(addresses: Sequence[str]) -> "list[Given]":
    """The addresses of the command line, with those of standard input in place of a ``-``."""
    from flowctl.suppressions import Given

    given: list[Given] = []
    for text in addresses:
        if text == "-":
            lines = enumerate(sys.stdin, 1)
            given += [Given(line.strip(), number) for number, line in lines if line.strip()]
        else:
            given.append(Given(text))
    if not given:
        raise InputError("standard input has no address", hint="write one on each line")
    return given


@_group.command("list")
def list_suppressions(
    ctx: typer.Context,
    channel: Annotated[
        Channel | None, typer.Option(help="Only of this channel.", show_default=False)
    ] = None,
    source: Annotated[
        Source | None, typer.Option(help="Only of this source.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """List the suppressed addresses, the oldest first.

    Example: flowctl suppressions list
    """
    from flowctl import suppressions

    with open_database(ctx) as connection:
        found = suppressions.list_suppressions(connection, channel, source)
    if as_json:
        show.json_document([asdict(entry) for entry in found])
        return
    show.table(
        ("address", "since", "by", "message", "reason"),
        [
            (one.address, one.created_at, one.source, _short(one.message_id), one.reason)
            for one in found
        ],
        empty="no address is suppressed",
    )


def _short(message_id: "UUID | None") -> str | None:
    """An id as messages are named by people."""
    return None if message_id is None else str(message_id)[:SHORT_ID]
