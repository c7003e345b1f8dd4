"""The connection to PostgreSQL, the SQL files of the product, and psycopg's errors as ours.

Everything works through a pooler in transaction mode: one statement or one short transaction at a
time; what a session keeps is set, and statements are prepared, only where there is none.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from ipaddress import ip_address
from pathlib import Path

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo
from psycopg.types.json import set_json_loads

from flowctl.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
    DatabaseUnreachable,
    FlowctlError,
    InputError,
    PasswordRefused,
    SchemaMismatch,
)
from flowctl.jsonvalues import from_json
from flowctl.pooling import compile_nothing

Connection = psycopg.Connection[tuple[object, ...]]

CONNECT_TIMEOUT = 10
"""Seconds to wait for a connection, unless the connection string says otherwise."""

_KEEPALIVES = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""What finds out within a minute that the other end is gone (libpq, section 34.1.2; the last in
milliseconds). Over a socket of the machine they do nothing."""

_OUT_OF_RESOURCES = ("53", "58")
"""SQLSTATE classes (PostgreSQL, appendix A): disk or memory full, input and output failed."""

_MADE_OF = re.compile(r"-- made of (\w+), with (\w+) by (\w+)\n")

REFUSED_BY_SCHEMA = "FC003"
"""The SQLSTATE our own SQL raises for what the user must change first."""


def sql_root() -> Traversable:
    """The folder of SQL files: the packaged one, else the one beside the package in a checkout."""
    packaged = files("flowctl") / "sql"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parent.parent / "sql"


@cache
def _queries() -> Mapping[str, str]:
    named: dict[str, str] = {}
    for file in (sql_root() / "queries").iterdir():
        if not file.name.endswith(".sql"):
            continue
        for part in re.split(r"^-- name: ", file.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            name, _, body = part.partition("\n")
            if name.strip() in named:
                raise ValueError(f"two queries are named {name.strip()}")
            named[name.strip()] = body
    return named


@cache
def query(name: str) -> bytes:
    """The statement of that name in ``sql/queries``; placeholders are ``%(name)s``."""
    text = _queries()[name]
    if made_of := _MADE_OF.match(text):
        return with_rows(made_of[2], query(made_of[3]), query(made_of[1]))
    # a placeholder or a lone % counts for psycopg even inside a comment
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return "\n".join(lines).strip().rstrip(";").encode()


def with_rows(name: str, rows: bytes, statement: bytes) -> bytes:
    """A statement that begins with ``with``, where ``name`` stands for the rows of another."""
    return b"with %s as materialized (%s), %s" % (name.encode(), rows, statement[len("with ") :])


def query_names() -> list[str]:
    """All named queries, sorted."""
    return sorted(_queries())


@contextmanager
def connect(conninfo: str, *, connect_timeout: int = CONNECT_TIMEOUT) -> Iterator[Connection]:
    """Open an autocommit connection; inside the block psycopg's errors become ours.

    A host that is not loopback gets ``sslmode=require`` unless the connection string, PGSSLMODE or
    PGSERVICE's entry says otherwise. Raises InputError for a malformed connection string,
    DatabaseUnavailable when the server cannot be reached or refuses; no message shows any part of a
    password.
    """
    connection = open_connection(conninfo, connect_timeout=connect_timeout)
    try:
        with translated():
            yield connection
    finally:
        connection.close()


def open_connection(
    conninfo: str, *, connect_timeout: int = CONNECT_TIMEOUT, autocommit: bool = True
) -> Connection:
    """As :func:`connect`, without the block: the caller closes, and translates errors."""
    parameters = _parameters(conninfo, connect_timeout)
    try:
        connection = psycopg.connect(
            make_conninfo("", **parameters), autocommit=True, prepare_threshold=None
        )
        compile_nothing(connection)
        connection.autocommit = autocommit
    except psycopg.Error as error:
        # not its cause: what libpq says may hold parts of the password
        raise _refusal(error, parameters) from None
    except UnicodeError:
        # Python's own resolver, of a name with an empty or overlong part
        raise DatabaseUnreachable(
            "cannot connect to the database: its host name is not known", hint=_ESCAPES
        ) from None
    set_json_loads(from_json, connection)
    return connection


def conninfo_parameters(conninfo: str) -> dict[str, str]:
    """What a connection string says. Raises InputError for one that cannot be read."""
    try:
        return {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    except (psycopg.Error, UnicodeError):
        raise InputError(
            "DATABASE_URL is not a connection string",
            hint="write it like postgresql://user:password@host:5432/database; in the password "
            "write @ as %40, : as %3A, / as %2F, % as %25",
        ) from None


def _parameters(conninfo: str, connect_timeout: int) -> dict[str, str]:
    parameters = conninfo_parameters(conninfo)
    parameters.setdefault("connect_timeout", str(connect_timeout))
    for name, value in _KEEPALIVES.items():
        parameters.setdefault(name, value)
    parameters.setdefault("application_name", "flowctl")
    if "sslmode" not in parameters and "PGSSLMODE" not in os.environ:
        # what libpq's variables and its service file add
        defaults = {
            option.keyword.decode(): option.val.decode()
            for option in Conninfo.get_defaults()
            if option.val and option.val != option.compiled
        }
        settings = {**defaults, **parameters}
        if "sslmode" not in settings and not _is_local(
            settings.get("host") or settings.get("hostaddr", "")
        ):
            parameters["sslmode"] = "require"
    return parameters


def _is_local(hosts: str) -> bool:
    """Whether every host of a connection string is a socket folder or loopback."""
    for host in hosts.split(","):
        if host in {"", "localhost"} or host.startswith(("/", "@")):
            continue
        try:
            if not ip_address(host).is_loopback:
                return False
        except ValueError:
            return False
    return True


_ESCAPES = "a @, : or / in the password must be written %40, %3A, %2F"

_REFUSALS = (
    # what libpq says, what we say, what to do
    ("password authentication failed", "the password was refused", "check user and password"),
    ("no password supplied", "the server asks for a password", "give one in DATABASE_URL"),
    ("does not support SSL", "the server offers no TLS", "sslmode=disable, on a trusted network"),
    ("certificate", "the server's certificate is not trusted", "name its CA with sslrootcert=FILE"),
    ("SSL", "TLS with the server failed", "check sslmode and sslrootcert"),
    ("Connection refused", "nothing listens there (connection refused)", "is the server running?"),
    ("resolve host", "its host name is not known", _ESCAPES),
    ("translate host", "its host name is not known", _ESCAPES),
    ("timeout", "it does not answer (timed out)", "check host, port and firewall"),
    ("No such file", "its socket does not exist", "is the server running?"),
    ("starting up", "the server is starting", "try again in a moment"),
    ("too many", "it has no connection left", "use a pooler, or fewer clients"),
    ("remaining connection", "it has no connection left", "use a pooler, or fewer clients"),
    ("does not exist", "no such database or user", "check the database's and the user's name"),
    ("no pg_hba.conf entry", "the server does not let this host in", "check pg_hba.conf"),
)  # fmt: skip


_AT_A_SERVER = ("Connection refused", "timeout", "starting up", "too many", "remaining connection")
"""What only a server that was found can have said: its name is then no part of a password."""

_SERVER = re.compile(r'at "([^"]+)"(?: \([^)]*\))?, port (\d+)')

_NO_SUCH_VALUE = re.compile(r'invalid (?:[a-z_]+ value: "|port number|integer value)|bad value for')


def _refusal(error: psycopg.Error, parameters: Mapping[str, str]) -> FlowctlError:
    """A connection error in our words: libpq's own may hold parts of the password."""
    text = str(error)
    if error.sqlstate is None and _NO_SUCH_VALUE.search(text):
        return InputError(
            "DATABASE_URL or a PG variable has an impossible port, sslmode or other parameter",
            hint="check what follows the host, and the ?",
        )
    for marker, reason, hint in _REFUSALS:
        if marker in text:
            kind = PasswordRefused if "password" in marker else DatabaseUnreachable
            where = _server(text, parameters) if marker in _AT_A_SERVER else ""
            return kind(f"cannot connect to the database{where}: {reason}", hint=hint)
    state = error.sqlstate
    return DatabaseUnreachable(
        f"cannot connect to the database{f' (SQLSTATE {state})' if state else ''}",
        hint="check DATABASE_URL: host, port, user, database",
    )


def _server(text: str, parameters: Mapping[str, str]) -> str:
    """`` at host:port``, as libpq says it, or as it was given; empty for a socket."""
    if found := _SERVER.search(text):
        return f" at {found[1]}:{found[2]}"
    host = parameters.get("host") or parameters.get("hostaddr") or os.environ.get("PGHOST", "")
    port = parameters.get("port") or os.environ.get("PGPORT", "5432")
    return f" at {host}:{port}" if host and not host.startswith("/") else ""


@contextmanager
def translated() -> Iterator[None]:
    """Inside the block every psycopg error becomes one of ours, and so does a text that no database
    can hold."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error
    except UnicodeEncodeError as error:
        raise InputError("a text is not valid UTF-8", hint="check what was given") from error


def is_connection_lost(error: psycopg.Error) -> bool:
    """Whether the statement failed because the connection or the server went away."""
    state = error.sqlstate or ""
    return isinstance(error, psycopg.OperationalError) and (
        error.sqlstate is None or state.startswith(("08", "57P"))
    )


def translate(error: psycopg.Error) -> FlowctlError:
    """The error of ours that says what a failed statement means to the user."""
    text = error.diag.message_primary or str(error).partition("\n")[0]
    hint = error.diag.message_hint or ""
    if error.sqlstate == REFUSED_BY_SCHEMA:
        return InputError(text, hint=hint)
    if is_connection_lost(error):
        return DatabaseUnreachable("the connection to the database was lost", hint="try again")
    match error:
        case (
            errors.UndefinedTable()
            | errors.UndefinedFunction()
            | errors.InvalidSchemaName()
            | (errors.UndefinedColumn())
        ):
            return SchemaMismatch(f"the schema does not fit: {text}", hint="flowctl apply-schema")
        case errors.InsufficientPrivilege():
            return DatabaseUnavailable(
                f"the database refused: {text}", hint=hint or "check the role's rights"
            )
        case errors.ReadOnlySqlTransaction():
            return DatabaseBusy(f"the database is read-only: {text}", hint="connect to the primary")
        case errors.LockNotAvailable() | errors.QueryCanceled():
            return DatabaseBusy(
                f"the database gave up: {text}", hint="try again when it is less busy"
            )
        case _ if (error.sqlstate or "").startswith(_OUT_OF_RESOURCES):
            return DatabaseBusy(f"the database refused: {text}", hint=hint)
        case psycopg.IntegrityError() | psycopg.DataError() | errors.RaiseException():
            return InputError(text, hint=hint)
        case _:
            return DatabaseUnavailable(f"the database refused: {text}", hint=hint)
