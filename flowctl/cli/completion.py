"""What the shell offers at a press of TAB: names of flows and steps, as the database has them.

The database is the one that the settings name; the embedded one is not started for this. Whatever
goes wrong, nothing is offered and nothing is said: somebody is in the middle of a line.
"""

from collections.abc import Callable
from pathlib import Path

import typer

from flowctl.cli.session import attach_database, is_embedded, session_of

CONNECT_TIMEOUT = 2
"""Seconds; the least that libpq can wait."""


def flows(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of flows."""
    return _names(ctx, "flows", incomplete)


def steps(ctx: typer.Context, incomplete: str) -> list[str]:
    """The keys of steps; after a flow and a slash, ``flow/key``."""
    return _names(ctx, "steps", incomplete)


def one_of(*words: str) -> Callable[[str], list[str]]:
    """A completion with these words."""

    def offered(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return offered


def _names(ctx: typer.Context, kind: str, incomplete: str) -> list[str]:
    try:
        return _asked(ctx, kind, incomplete)
    except Exception:  # noqa: BLE001 - see above
        return []


def _asked(ctx: typer.Context, kind: str, incomplete: str) -> list[str]:
    from flowctl import database
    from flowctl.store import completion

    # the callback that reads the global options does not run for a completion
    # nor is its value made a path
    env_file = ctx.find_root().params.get("env_file")
    session_of(ctx).env_file = Path(env_file) if env_file else None
    if is_embedded(ctx) or session_of(ctx).settings.names_embedded:
        return []
    ask = {"flows": completion.flows_beginning, "steps": completion.steps_beginning}[kind]
    with (
        attach_database(ctx, is_quiet=True) as conninfo,
        database.connect(conninfo, connect_timeout=CONNECT_TIMEOUT) as connection,
    ):
        return ask(connection, incomplete)
