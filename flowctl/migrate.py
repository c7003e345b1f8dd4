"""Bringing a database to this version's schema: pending migrations, changed routines, rights.

What ``apply-schema --dry-run`` shows is the text that is run, so the two cannot differ.

A migration only adds, so that an older program serves the database beside newer ones; one that
cannot has the line ``-- stops older programs`` and ends that.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg import errors

from flowctl import __version__
from flowctl.database import Connection, sql_root
from flowctl.errors import DatabaseUnavailable, SchemaMismatch
from flowctl.scripts import CITUS, ENVIRONMENT, Script, scripts, statements

TAKE_OVER = "select flowctl.take_over();"
"""What makes a database the one that sends."""

_ON_NODES = """
-- One connection to each node, or the transaction would wait for itself; and triggers, of which
-- Citus knows nothing, are ours to answer for.
set local citus.multi_shard_modify_mode = 'sequential';
set local citus.enable_unsafe_triggers = on;
"""

LOCK_TIMEOUT = "15s"
"""How long a busy table may keep the schema waiting before nothing is applied."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """One kind of change to tables that an earlier script had made, and how many it changed."""

    change: str
    count: int


@dataclass(frozen=True, slots=True)
class _History:
    """What the database knows: its version, the newest program that changed it, each text's
    checksum and environment, and the newest migration that stops older programs (0 for none)."""

    version: int
    program: str
    routines: dict[str, tuple[str, str]]
    stops_older_than: int

    @property
    def is_distributed(self) -> bool:
        """Whether the tables were distributed over several nodes."""
        return CITUS in self.routines

    def is_newer(self, everything: list[Script]) -> bool:
        """Whether a newer program has changed it."""
        return self.version > _latest(everything) or _order(self.program) > _order(__version__)


def pending(connection: Connection | None, *, distributes: bool = False) -> list[Script]:
    """What has to be applied to the database; with no database, everything; where a newer program
    has changed it, nothing. ``distributes``: its tables are to be distributed over several nodes,
    as those of one that is distributed stay.

    Raises SchemaMismatch when the database is for newer programs only.
    """
    if connection is None:
        return scripts(is_distributed=distributes)
    history = _history(connection)
    row = connection.execute(f"select {ENVIRONMENT}".encode()).fetchone()
    is_distributed = distributes or (history is not None and history.is_distributed)
    everything = scripts(str(row[0]) if row else "", is_distributed=is_distributed)
    if history is None:
        return everything
    if history.is_newer(everything):
        _refuse_stopped(history, everything)
        return []
    taken = zone_release(connection)
    todo = [script for script in everything if _is_missing(script, history, taken)]
    # what is new is open to everybody until the rights are set, and not on every node
    last = everything[-2:] if is_distributed else everything[-1:]
    return [*(one for one in todo if one not in last), *last] if todo else []


def _is_missing(script: Script, history: _History, taken: str) -> bool:
    if script.release is not None:
        return taken < script.release
    if script.version is not None:
        return script.version > history.version
    return history.routines.get(script.name) != (script.checksum, script.environment or "")


def zone_release(connection: Connection) -> str:
    """The release of the tz database whose rules the database has; empty for none."""
    found = connection.execute(
        "select from pg_catalog.pg_class where relname = 'zone_releases' "
        "and relnamespace = to_regnamespace('flowctl')"
    ).fetchone()
    if found is None:
        return ""
    row = connection.execute("select max(release) from flowctl.zone_releases").fetchone()
    return str(row[0]) if row and row[0] else ""


def text_of(pending_scripts: list[Script], *, is_moved: bool = False) -> str:
    """The SQL that brings the database up, as one transaction: plain statements, no psql commands.

    Whoever runs it, statement by statement or as one query, has all of it or nothing. ``is_moved``
    makes the database the one that sends, too.
    """
    if not (pending_scripts or is_moved):
        return "-- The schema is up to date.\n"
    title = f"-- flowctl {__version__}: the schema. It may be run again.\n"
    taking_over = f"\n{TAKE_OVER}\n" if is_moved else ""
    return f"{title}\nbegin;\n\n{_statements(pending_scripts)}{taking_over}\ncommit;\n"


def _statements(pending_scripts: list[Script]) -> str:
    """The scripts under a path and a lock that hold until the end of the transaction."""
    head = (
        "-- What somebody else put into public must not be taken for a function of PostgreSQL's.\n"
        "set local search_path = pg_catalog, pg_temp;\n\n"
        "do $$ begin perform pg_advisory_xact_lock(hashtext('flowctl.schema')); end $$;\n"
    )
    if any(script.name == CITUS for script in pending_scripts):
        head += _ON_NODES + (sql_root() / "citus_ready.sql").read_text("utf-8")
    return "\n".join([head, *(script.sql() for script in pending_scripts)])


def apply(
    connection: Connection, *, distributes: bool = False, lock_timeout: str = LOCK_TIMEOUT
) -> list[str]:
    """Apply what is pending, in one transaction, and return the names of the files applied.
    ``distributes``: as in ``pending``.

    A second one that runs at the same time waits, and finds nothing to do. Raises SchemaMismatch
    when the database is for newer programs only, and DatabaseUnavailable when a table, or another
    run of this, is busy for longer than ``lock_timeout`` (as PostgreSQL writes it). What the schema
    refuses is psycopg's error with the SQLSTATE REFUSED_BY_SCHEMA.
    """
    with connection.transaction(), _limits(connection, lock_timeout):
        connection.execute("select pg_advisory_xact_lock(hashtext('flowctl.schema'))")
        todo = pending(connection, distributes=distributes)
        # one by one: Citus hands the text of a whole query on to its nodes
        for statement in statements(_statements(todo)) if todo else ():
            connection.execute(statement.encode())
        return [script.name for script in todo]


def take_over(connection: Connection) -> None:
    """Make the database the one that sends."""
    connection.execute(TAKE_OVER)


@contextmanager
def _limits(connection: Connection, lock_timeout: str) -> Iterator[None]:
    connection.execute("select set_config('lock_timeout', %s, true)", (lock_timeout,))
    connection.execute("select set_config('statement_timeout', '0', true)")
    connection.execute("select set_config('search_path', 'pg_catalog, pg_temp', true)")
    connection.execute("select set_config('client_min_messages', 'warning', true)")
    try:
        yield
    except errors.LockNotAvailable as error:
        raise DatabaseUnavailable(
            f"a table was in use for {lock_timeout}; nothing was applied",
            hint="try again when no long transaction, and no other apply-schema, runs",
        ) from error


def adoptions(connection: Connection, since: datetime) -> list[Adoption]:
    """What was changed since then of tables that were there before, in the order it was done."""
    rows = connection.execute(
        "select what, things from flowctl.adoptions where adopted_at >= %s "
        "order by adopted_at, ctid",
        (since,),
    ).fetchall()
    return [Adoption(str(change), int(str(count))) for change, count in rows]


def is_distributed(connection: Connection) -> bool:
    """Whether the tables are, or should be, distributed over several nodes."""
    history = _history(connection)
    return history is not None and history.is_distributed


def has_schema(connection: Connection) -> bool:
    """Whether the schema was ever applied, in whatever version."""
    return _history(connection) is not None


def require_schema(connection: Connection) -> str | None:
    """Whether this program can serve the database; what to note where its schema is newer.

    A newer schema that only adds can be served. Raises SchemaMismatch for one that is missing,
    older, or for newer programs only, and DatabaseUnavailable where the role cannot see which.
    """
    history = _history(connection)
    if history is None:
        raise SchemaMismatch(
            "the database has no flowctl schema", hint="create it: flowctl apply-schema"
        )
    if not history.routines and _is_hidden(connection):
        raise DatabaseUnavailable(
            "row-level security hides the tables of flowctl from this role",
            hint="connect as their owner or a role with BYPASSRLS, or give the role policies",
        )
    everything = scripts()
    if history.is_newer(everything):
        _refuse_stopped(history, everything)
        return f"{_newer(history, everything)}; it only adds, so this flowctl serves it"
    # older or newer rules of the zones serve as well: all who schedule read them in the database
    current = {s.name: s.checksum for s in everything if s.version is None and s.release is None}
    if history.version < _latest(everything) or current != {
        name: checksum for name, (checksum, _) in history.routines.items() if name in current
    }:
        raise SchemaMismatch(
            f"the database's schema is older than flowctl {__version__}",
            hint="run: flowctl apply-schema",
        )
    return None


def _is_hidden(connection: Connection) -> bool:
    """Whether policies decide what this role sees of the history."""
    row = connection.execute("select row_security_active('flowctl.routines')").fetchone()
    return bool(row and row[0])


def _latest(everything: list[Script]) -> int:
    return max(script.version or 0 for script in everything)


def _refuse_stopped(history: _History, everything: list[Script]) -> None:
    if history.stops_older_than > _latest(everything):
        raise SchemaMismatch(
            f"{_newer(history, everything)}, and older programs must not serve it",
            hint="upgrade this flowctl: pip install --upgrade flowctl",
        )


def _newer(history: _History, everything: list[Script]) -> str:
    return (
        f"the database's schema is of flowctl {history.program} "
        f"(migration {history.version}), newer than this flowctl {__version__} "
        f"(migration {_latest(everything)})"
    )


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _history(connection: Connection) -> _History | None:
    # asked of the catalog, since to_regclass wants a right on the schema even to say no
    found = connection.execute(
        "select from pg_catalog.pg_class where relname = 'migrations' "
        "and relnamespace = to_regnamespace('flowctl')"
    ).fetchone()
    if found is None:
        return None
    # through JSON, since a schema that is older still lacks the column
    version, stops_older_than = connection.execute(
        "select coalesce(max(version), 0), coalesce(max(version) filter ("
        "where (to_jsonb(migration) ->> 'stops_older')::boolean), 0) "
        "from flowctl.migrations as migration"
    ).fetchone() or (0, 0)
    rows = connection.execute(
        "select name, checksum, environment, program from flowctl.routines"
    ).fetchall()
    programs = sorted({str(r[3]) for r in rows}, key=_order)
    return _History(
        version=int(str(version)),
        program=programs[-1] if programs else "0.0.0",
        routines={str(r[0]): (str(r[1]), str(r[2])) for r in rows},
        stops_older_than=int(str(stops_older_than)),
    )
