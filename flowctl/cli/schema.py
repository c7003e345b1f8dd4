"""``flowctl apply-schema``: the database brought to this version's schema."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl import __version__, zones
from flowctl.cli import show
from flowctl.cli.options import Json
from flowctl.cli.session import is_embedded, open_database, session_of
from flowctl.errors import NeedsAttention, UsageError
from flowctl.text import plural
from flowctl.times import format_duration

if TYPE_CHECKING:
    from flowctl.database import Connection
    from flowctl.store.identity import LastKnown

_UP_TO_DATE = f"the schema is up to date (flowctl {__version__})"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("apply-schema")(apply_schema)


def apply_schema(
    ctx: typer.Context,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 if anything is to be applied; change nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL that would run; change nothing.")
    ] = False,
    moved: Annotated[
        bool,
        typer.Option("--moved", help="Make this database, a copy, the one that sends."),
    ] = False,
    citus: Annotated[
        bool,
        typer.Option("--citus", help="Distribute the tables over the nodes of a Citus cluster."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to this version's schema.

    In one transaction; safe to repeat. For a web SQL editor: flowctl apply-schema --dry-run >
    schema.sql
    """
    if check and dry_run:
        raise UsageError("--check and --dry-run exclude each other", hint="give one of them")
    if check and moved:
        raise UsageError("--check and --moved exclude each other", hint="give one of them")
    if check:
        _check(ctx, distributes=citus, as_json=as_json)
    elif dry_run:
        _print_sql(ctx, is_moved=moved, distributes=citus, as_json=as_json)
    else:
        _apply(ctx, is_moved=moved, distributes=citus, as_json=as_json)


def _apply(ctx: typer.Context, *, is_moved: bool, distributes: bool, as_json: bool) -> None:
    from flowctl import migrate
    from flowctl.scripts import ZONES
    from flowctl.store import identity, selection

    with open_database(ctx, create=True, check_schema=False) as connection:
        began_at = selection.database_now(connection)
        applied = migrate.apply(connection, distributes=distributes)
        adopted = migrate.adoptions(connection, began_at)
        changed = _zone_report(connection) if ZONES in applied else ()
        newer = migrate.require_schema(connection)
        copy = identity.why_copy(connection)
        if is_moved and copy:
            migrate.take_over(connection)
        last = identity.last_known(connection) if is_moved and copy else None
    if as_json:
        show.json_document(
            {
                "applied": applied,
                "adopted": adopted,
                "zones": changed,
                "newer": newer,
                "copy": None if is_moved else copy,
                "moved": last is not None,
            }
        )
        return
    for line in _summary(applied):
        show.line(f"applied {line}")
    for adoption in adopted:
        show.line(f"{adoption.change}: {adoption.count}")
    for line in changed:
        show.line(line)
    _show_state(newer)
    if last is not None:
        _show_move(last)
    elif is_moved:
        show.line("this database is the one that sends already")
    elif copy:
        show.warn(f"this database is a copy and does not send: {copy}")
        show.say(f"hint: {identity.HINT}")


def _show_move(last: "LastKnown") -> None:
    """Say that the database sends from now on, and what it cannot know of."""
    show.line("this database is the one that sends now")
    show.say("before the next dispatch: flowctl reconcile (it finds texts that are not known here)")
    if last.sent_at is not None:
        show.say(
            f"nothing is known of emails sent after {last.sent_at:%Y-%m-%d %H:%M:%S%z}, the last "
            f"send that is recorded; {plural(last.emails, 'email')} due now: "
            "flowctl dispatch --dry-run"
        )


def _zone_report(connection: "Connection") -> Sequence[str]:
    """Which zones the new rules changed, and how many pending messages that concerns."""
    from flowctl.preview.wording import day_text
    from flowctl.store.refresh import misplaced_messages
    from flowctl.store.zones import changed_zones

    found = misplaced_messages(connection)
    pending = {one.zone: one.messages for one in found if one.reason == "rules"}
    total = sum(pending.values())
    lines = [
        f"{change.name}: from {day_text(change.since)} on the clock is "
        f"{_shift_text(change.shift)}, "
        f"{plural(pending.pop(change.name, 0), 'pending message')}"
        for change in changed_zones(connection)
    ]
    lines += [
        f"{zone}: the server's rules were others, {plural(number, 'pending message')}"
        for zone, number in pending.items()
    ]
    if total:
        lines.append(
            f"not at the planned local time any more: {plural(total, 'pending message')}; "
            "to move them: flowctl messages refresh"
        )
    return lines


def _shift_text(shift: timedelta) -> str:
    """``1h ahead``: the clock shows that much more than by the former rules."""
    return f"{format_duration(abs(shift))} {'ahead' if shift > timedelta() else 'behind'}"


def _check(ctx: typer.Context, *, distributes: bool, as_json: bool) -> None:
    from flowctl import migrate

    with open_database(ctx, check_schema=False) as connection:
        pending = migrate.pending(connection, distributes=distributes)
        newer = None if pending else migrate.require_schema(connection)
    if as_json:
        show.json_document({"pending": [script.name for script in pending], "newer": newer})
    if pending:
        raise NeedsAttention(
            f"the schema is not that of flowctl {__version__}; to be applied:",
            hint="flowctl apply-schema",
            details=_summary([script.name for script in pending]),
        )
    if not as_json:
        _show_state(newer)


def _show_state(newer: str | None) -> None:
    """Say that nothing is left to apply; ``newer`` is the note where the schema is newer."""
    if newer is None:
        show.line(_UP_TO_DATE)
    else:
        show.say(f"note: {newer}")
        show.line("nothing to apply")


def _print_sql(ctx: typer.Context, *, is_moved: bool, distributes: bool, as_json: bool) -> None:
    from flowctl import migrate

    if is_embedded(ctx) and not _embedded_exists(ctx):
        show.say("no database is configured; this is the whole schema, for an empty one")
        pending = migrate.pending(None, distributes=distributes)
    else:
        with open_database(ctx, check_schema=False) as connection:
            pending = migrate.pending(connection, distributes=distributes)
    text = migrate.text_of(pending, is_moved=is_moved)
    if as_json:
        show.json_document({"pending": [script.name for script in pending], "sql": text})
    else:
        show.raw(text)


def _embedded_exists(ctx: typer.Context) -> bool:
    from flowctl.embedded import EmbeddedServer, default_data_dir

    session = session_of(ctx)
    data_dir = session.settings.data_dir or default_data_dir(session.environ)
    return EmbeddedServer(data_dir, environ=session.environ).exists()


def _summary(names: Sequence[str]) -> tuple[str, ...]:
    """SQL files in words: which migrations, how many functions, zones, rights."""
    migrations = [name for name in names if name[0].isdigit()]
    others = {"zones", "zone_spellings", "citus", "security"}
    routines = len(names) - len(migrations) - len(others & set(names))
    lines = [f"migration {name}" for name in migrations]
    if routines:
        lines.append(f"{routines} function{'' if routines == 1 else 's'} and triggers")
    if "zones" in names:
        lines.append(f"the rules of the time zones (tz database {zones.release()})")
    if "zone_spellings" in names:
        lines.append("other names of time zones")
    if "citus" in names:
        lines.append("distribution over the nodes, by lead")
    if "security" in names:
        lines.append("rights and row-level security")
    return tuple(lines)
