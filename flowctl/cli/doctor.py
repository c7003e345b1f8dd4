"""``flowctl doctor``: what is wrong, and what to type next."""

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import typer

from flowctl.cli import show
from flowctl.cli.options import Json
from flowctl.cli.session import is_embedded, open_database, session_of
from flowctl.errors import DatabaseUnavailable, InputError, NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowctl.database import Connection
    from flowctl.doctor import Report


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(ctx: typer.Context, as_json: Json = False) -> None:
    """Check everything, and say what to fix.

    Database, schema, promises, rights and providers are checked. Nothing is changed and nothing
    sent. Example: flowctl doctor
    """
    from flowctl.doctor import examine, misplaced, valid_settings

    session = session_of(ctx)
    valid = valid_settings(session.environ)
    session.settings = valid.settings
    known = [valid.check, *misplaced(session.environ, session.env_file)]
    report = examine(lambda: _database(ctx), valid.settings, known)
    if as_json:
        show.json_document({"ok": not report.faults, "checks": report.checks})
    else:
        _show(report)
    if report.unreachable is not None:
        raise report.unreachable
    if report.faults:
        first = report.faults[0]
        number = len(report.faults)
        raise NeedsAttention(
            f"{number} {'fault' if number == 1 else 'faults, first'}: {first.name}: {first.detail}",
            hint=first.hint,
        )


@contextmanager
def _database(ctx: typer.Context) -> "Iterator[Connection]":
    """The database; where none is configured there is none to look at (status 4)."""
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(open_database(ctx, check_schema=False))
        except InputError as error:
            if not is_embedded(ctx):
                raise
            raise DatabaseUnavailable(error.message, hint=error.hint) from None
        yield connection


def _show(report: "Report") -> None:
    show.table(
        ("", "check", "found"),
        [(check.status, check.name, check.detail) for check in report.checks],
        empty="nothing",
    )
    hints = [check for check in report.checks if check.hint]
    if hints:
        show.line()
    for check in hints:
        show.line(f"{check.name}: {check.hint}")
