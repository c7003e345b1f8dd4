"""A model of Supabase: a server with its roles, and projects of each kind in it.

What is modelled is what its own SQL does to a database (github.com/supabase/postgres) and how its
API runs a request (docs.postgrest.org, "Transactions"): the rights, not the services.
"""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from flowctl.embedded.account import own_account
from tests.support.postgres import Connection, Postgres, connect, own_postgres, postmaster_of
from tests.support.waiting import until

MODEL = Path(__file__).parents[1] / "supabase"
"""Where the model's SQL is."""

LOGINS = ("postgres", "authenticator", "flowctl_dispatcher", "supabase_admin")


_OWNED = sql.SQL("alter database {0} owner to postgres; alter database {0} set timezone to 'UTC'")


class Kind(StrEnum):
    """The kinds of project that the same SQL has to fit."""

    OLDER = "older"
    """Everything that ``postgres`` makes in public is open to everybody."""
    NEWER = "newer"
    """Next to nothing is; TRUNCATE and functions are."""
    OLDER_SECURED = "older-secured"
    """As older, and row-level security is switched on for every new table."""
    NEWER_SECURED = "newer-secured"
    """As newer, and row-level security is switched on for every new table."""

    def scripts(self) -> list[str]:
        """The model's SQL that makes such a project, in its order."""
        base, _, secured = self.partition("-")
        names = ["project", "older", *(["newer"] if base == "newer" else [])]
        return names + (["row_security"] if secured else [])


class Caller(StrEnum):
    """Who calls the API, in which role and with which claims in the token."""

    ANON = "anon"
    VISITOR = "visitor"
    """Signed in, as anybody may who signs up."""
    STAFF = "staff"
    SERVICE = "service_role"

    @property
    def role(self) -> str:
        """The database role of the request."""
        return "authenticated" if self in {Caller.VISITOR, Caller.STAFF} else self.value

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says."""
        app = {"provider": "email"} | ({"flowctl": "staff"} if self is Caller.STAFF else {})
        return {"role": self.role, "app_metadata": app, "user_metadata": {}}


class Project:
    """A database of the model; ``url`` is for the role ``postgres``, who is no superuser."""

    def __init__(self, url: str) -> None:
        self.url = url

    def url_for(self, role: str) -> str:
        """The URL with which a role that may log in does so."""
        return self.url.replace("//postgres@", f"//{role}@", 1)

    def connect(self) -> Connection:
        """A connection as ``postgres``."""
        return connect(self.url)

    @contextmanager
    def request(
        self, role: str, claims: Mapping[str, Any] | str | None = None, *, commit: bool = False
    ) -> Iterator[Connection]:
        """One request of the API, in a transaction with the role, its settings and the claims.

        ``claims`` that are a text go in as they are. It is rolled back unless ``commit``.
        """
        said = claims if isinstance(claims, str) else json.dumps(claims or {"role": role})
        with (
            connect(self.url_for("authenticator")) as connection,
            connection.transaction(force_rollback=not commit),
        ):
            settings = {"search_path": '"public", "extensions"', "request.jwt.claims": said}
            settings |= _settings_of(connection, role) | {"role": role}
            connection.execute(
                "select set_config(name, value, true) from unnest(%s::text[], %s::text[]) "
                "as setting (name, value)",
                (list(settings), list(settings.values())),
            )
            yield connection

    @contextmanager
    def call(self, caller: Caller, *, commit: bool = False) -> Iterator[Connection]:
        """A request of that caller; see :meth:`request`."""
        with self.request(caller.role, caller.claims, commit=commit) as connection:
            yield connection


class Supabase:
    """The server, and new projects on it."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._templates: set[Kind] = set()

    @contextmanager
    def project(self, kind: Kind) -> Iterator[Project]:
        """A project of that kind without anything in it, dropped at the end of the block."""
        template = f"template_{kind.replace('-', '_')}"
        if kind not in self._templates:
            with connect(self._postgres.url("postgres")) as admin:
                admin.execute(sql.SQL("create database {}").format(sql.Identifier(template)))
            with connect(self._postgres.url(template)) as admin:
                for name in kind.scripts():
                    admin.execute((MODEL / f"{name}.sql").read_bytes())
            self._templates.add(kind)
        with self._postgres.database(template=template) as url:
            with connect(url) as admin:
                admin.execute(_OWNED.format(sql.Identifier(admin.info.dbname)))
            yield Project(url.replace("//flowctl@", "//postgres@", 1))


@contextmanager
def supabase() -> Iterator[Supabase]:
    """A server of its own for the model, since roles belong to a server."""

    def prepare(connection: Connection) -> None:
        connection.execute((MODEL / "roles.sql").read_bytes())

    with own_postgres(prepare) as postgres:
        _let_in(postgres)
        yield Supabase(postgres)


def _let_in(postgres: Postgres) -> None:
    """Let this user log in as the roles of the model."""
    layout = postgres.server.layout
    user = own_account().name
    lines = "".join(f'flowctl "{user}" {role}\n' for role in LOGINS)
    layout.user_map.write_text(layout.user_map.read_text("utf-8") + lines, "utf-8")
    postmaster = postmaster_of(layout.root).process()
    assert postmaster is not None
    os.kill(postmaster, signal.SIGHUP)
    url = postgres.url("postgres").replace("//flowctl@", f"//{LOGINS[-1]}@", 1)
    until(lambda: _answers(url))


def _answers(url: str) -> bool:
    """Whether the server has read its user map anew."""
    try:
        connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def _settings_of(connection: Connection, role: str) -> dict[str, str]:
    """The settings of a role, which the API applies to a request in it."""
    row = connection.execute(
        "select coalesce(rolconfig, '{}') from pg_roles where rolname = %s", (role,)
    ).fetchone()
    assert row is not None
    return dict(setting.split("=", 1) for setting in row[0])
