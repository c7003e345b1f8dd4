"""One run of the program: its environment and settings, and the database its commands work on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flowctl.cli import show
from flowctl.errors import InputError

if TYPE_CHECKING:
    from flowctl.database import Connection
    from flowctl.settings import Settings

NAMES_A_SERVER = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGDATABASE")
"""The variables of libpq that say which database is meant; the others only say how to reach it."""


@dataclass
class Session:
    """What the global options and the environment say; filled in before a command runs.

    ``revive_database`` starts an attached embedded server again, should it have been stopped; with
    any other database it does nothing.
    """

    process_environ: Mapping[str, str]
    env_file: Path | None = None
    debug: bool = False
    revive_database: Callable[[], None] = lambda: None

    @cached_property
    def environ(self) -> Mapping[str, str]:
        """The environment over the file of ``--env-file``. Raises InputError for a bad file."""
        if self.env_file is None:
            return self.process_environ
        from flowctl.settings import read_env_file

        return {**read_env_file(self.env_file), **self.process_environ}

    @cached_property
    def settings(self) -> "Settings":
        """The settings, parsed when first asked for. Raises InputError for a malformed one."""
        from flowctl.settings import Settings

        return Settings.from_env(self.environ)


def session_of(ctx: typer.Context) -> Session:
    """The session that the running command belongs to."""
    return ctx.ensure_object(Session)


def is_embedded(ctx: typer.Context) -> bool:
    """Whether no server is named, so that the embedded one is used."""
    session = session_of(ctx)
    return session.settings.database_url is None and not _named_by_libpq(session)


@contextmanager
def attach_database(
    ctx: typer.Context,
    *,
    create: bool = False,
    must_be_named: bool = False,
    is_quiet: bool = False,
) -> Iterator[str]:
    """The conninfo of the database that this run works on, which stays up while the block runs.

    It is ``DATABASE_URL``; else what libpq's own variables name; else the embedded server, which is
    made first where ``create`` allows it. Which one it is goes to stderr unless it is
    ``DATABASE_URL``. Raises InputError where there is none, and, with ``must_be_named``, where
    nothing names one: a cron job that lost its settings must not serve an empty database.
    ``is_quiet``: which one it is is said only if something else is.
    """
    say = show.hold if is_quiet else show.say
    session = session_of(ctx)
    named = _named_by_libpq(session)
    if session.settings.database_url is not None:
        yield _with_file_variables(session, session.settings.database_url.reveal())
    elif named:
        say("using the database of " + " ".join(f"{n}={session.environ[n]}" for n in named))
        yield _with_file_variables(session, "")
    elif must_be_named and not session.settings.names_embedded:
        raise InputError(
            "no database is configured",
            hint="set DATABASE_URL (DATABASE_URL=embedded means the embedded one)",
        )
    else:
        from flowctl.embedded import EmbeddedServer, default_data_dir

        data_dir = session.settings.data_dir or default_data_dir(session.environ)
        server = EmbeddedServer(data_dir, environ=session.environ)
        with server.attach(create=create) as conninfo:
            say(f"using the embedded database in {data_dir}")
            session.revive_database = server.ensure_running
            yield conninfo


@contextmanager
def open_database(
    ctx: typer.Context,
    *,
    create: bool = False,
    must_be_named: bool = False,
    is_quiet: bool = False,
    check_schema: bool = True,
) -> Iterator["Connection"]:
    """One connection to the database of ``attach_database``, closed at the end of the block.

    Raises as that does, DatabaseUnavailable, and, unless ``check_schema`` is false, SchemaMismatch
    for a schema that this program cannot serve.
    """
    from flowctl import database

    with (
        attach_database(
            ctx, create=create, must_be_named=must_be_named, is_quiet=is_quiet
        ) as conninfo,
        database.connect(conninfo) as connection,
    ):
        if check_schema:
            require_schema(connection)
        yield connection


def require_schema(connection: "Connection") -> None:
    """Say where the schema is newer than this program. Raises SchemaMismatch where it cannot be
    served."""
    from flowctl import migrate

    if note := migrate.require_schema(connection):
        show.say(f"note: {note}")


def _named_by_libpq(session: Session) -> list[str]:
    """The variables of libpq that name a server, unless ``DATABASE_URL`` asks for the embedded."""
    if session.settings.names_embedded:
        return []
    return [name for name in NAMES_A_SERVER if session.environ.get(name)]


@contextmanager
def open_leads(ctx: typer.Context) -> Iterator["Connection"]:
    """As ``open_database``; where there is no embedded one yet it is made, with its schema."""
    from flowctl import migrate

    with open_database(ctx, create=True, check_schema=False) as connection:
        if is_embedded(ctx) and not migrate.has_schema(connection):
            migrate.apply(connection)
            show.say("the schema was applied")
        require_schema(connection)
        yield connection


def _with_file_variables(session: Session, conninfo: str) -> str:
    """Add what only ``--env-file`` says in libpq's variables; libpq reads the process's own."""
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import Conninfo

    from flowctl.database import conninfo_parameters

    from_file = {
        option.keyword.decode(): session.environ[option.envvar.decode()]
        for option in Conninfo.get_defaults()
        if option.envvar is not None
        and option.envvar.decode() in session.environ
        and option.envvar.decode() not in session.process_environ
    }
    return make_conninfo("", **{**from_file, **conninfo_parameters(conninfo)})
