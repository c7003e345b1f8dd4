"""Options that several commands share, and the form of a command group.

Paths are plain ``Path`` without typer's checks: a file that is missing is an InputError of the use
case (status 3), not wrong usage (2).
"""

from typing import Annotated

import typer

from flowctl.cli import completion, show

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")]
FlowName = Annotated[
    str | None,
    typer.Option(
        "--flow",
        metavar="NAME",
        help="Only this flow.",
        show_default=False,
        autocompletion=completion.flows,
    ),
]
LeadId = Annotated[
    str | None,
    typer.Option(
        "--lead", metavar="LEAD", help="Only this lead: its id, email or phone.", show_default=False
    ),
]
LeadArgument = Annotated[
    str, typer.Argument(metavar="LEAD", help="Its id, email address or phone.", show_default=False)
]


def command_group(summary: str) -> typer.Typer:
    """A group of commands, such as ``flowctl steps``; named alone, it shows its help."""
    group = plain_app(summary)
    group.callback()(require_command)
    return group


def plain_app(summary: str) -> typer.Typer:
    """A Typer with the same plain help everywhere, whose errors are left to ``main``."""
    return typer.Typer(
        help=summary,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
    )


def require_command(ctx: typer.Context) -> None:
    """Show the help of a group that was named without a command; that is wrong usage."""
    if ctx.invoked_subcommand is None:
        show.say(ctx.get_help())
        raise typer.Exit(2)
