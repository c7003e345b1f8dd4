"""A command that writes more than a pipe or a small disk takes at once."""

import typer

from flowctl.cli import show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("write")(lambda: show.line("x" * 500_000))
    app.command("other")(lambda: None)
