"""The test server: the product's embedded PostgreSQL without fsync, and cheap databases in it."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from flowctl import migrate
from flowctl.embedded import EmbeddedServer
from flowctl.embedded.account import server_account
from flowctl.embedded.layout import Layout
from flowctl.embedded.locks import FileLock
from flowctl.embedded.postmaster import Postmaster
from tests.support.distributed import TEST_CITUS_URL, PartByPart
from tests.support.waiting import until

Connection = psycopg.Connection[tuple[Any, ...]]

MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes the folder in it
ENOUGH_MEMORY = 512 * 1024 * 1024
FILE_COPY_STRATEGY = 15_00_00
"""The version from which ``create database`` may copy files, the faster way without fsync."""


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short name, in memory where there is enough, removed at the end.

    Any user may pass through it: for root the server runs as another one, who cannot enter the
    folders that pytest makes.
    """
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY
    folder = Path(tempfile.mkdtemp(prefix="fc-", dir=MEMORY if in_memory else None))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def postmaster_of(data_dir: Path) -> Postmaster:
    """What the product knows about the server of a data folder, running or not."""
    layout = Layout.of(data_dir)
    return Postmaster(layout, server_account(layout.cluster))


def is_server_down(data_dir: Path) -> bool:
    """Whether no process of the data folder's server is left."""
    with FileLock(Layout.of(data_dir).server_lock) as lock:
        return lock.try_take()


def end_server(data_dir: Path) -> None:
    """Stop the server of a data folder, if one is left, and wait until it is gone."""
    if not Layout.of(data_dir).cluster.exists():
        return
    if pid := postmaster_of(data_dir).process():
        os.kill(pid, signal.SIGINT)
    until(lambda: is_server_down(data_dir))


def connect(url: str) -> Connection:
    """An autocommit connection; as a block it is closed at the end."""
    connection_class = PartByPart if TEST_CITUS_URL in os.environ else psycopg.Connection
    return connection_class.connect(url, autocommit=True, application_name="flowctl tests")


class Postgres:
    """A server with a template database, and clones of it that each belong to one test.

    ``prepare`` is called once, with a connection to the template. Roles belong to the server, not
    to a database: tests that need some which the others must not see use ``own_postgres``.
    """

    def __init__(
        self, data_dir: Path, prepare: Callable[[Connection], object], environ: Mapping[str, str]
    ) -> None:
        self.server = EmbeddedServer(data_dir, environ=environ, durable=False)
        self._prepare = prepare
        self._numbers = count(1)

    @contextmanager
    def running(self) -> Iterator[Self]:
        """The server runs, and has its template, while the block runs."""
        with self.server.attach(create=True) as conninfo:
            self._socket_dir = str(conninfo_to_dict(conninfo)["host"])
            with connect(self.url("postgres")) as admin:
                self._admin = admin
                admin.execute("create database template_flowctl")
                with connect(self.url("template_flowctl")) as connection:
                    self._prepare(connection)
                yield self

    def url(self, name: str) -> str:
        """The database of that name as a user writes it into ``DATABASE_URL``."""
        return f"postgresql://flowctl@/{name}?host={quote(self._socket_dir, safe='')}&port=5432"

    @contextmanager
    def database(self, *, template: str = "template_flowctl") -> Iterator[str]:
        """The URL of a new database, which is dropped at the end, whoever is still connected."""
        name = f"test_{next(self._numbers)}"
        new = sql.Identifier(name)
        statement = sql.SQL("create database {} template {}").format(new, sql.Identifier(template))
        if self._admin.info.server_version >= FILE_COPY_STRATEGY:
            statement += sql.SQL(" strategy file_copy")
        self._admin.execute(statement)
        with connect(self.url(name)) as connection:
            # the clone is a copy, which would not send
            if connection.execute("select to_regproc('flowctl.take_over')").fetchone() != (None,):
                migrate.take_over(connection)
        try:
            yield self.url(name)
        finally:
            self._disconnect(name)
            self._admin.execute(sql.SQL("drop database if exists {} with (force)").format(new))

    def _disconnect(self, name: str) -> None:
        """End every connection to the database: dropping it would wait in steps of 100 ms."""
        statement = (
            "select count(*) filter (where pg_terminate_backend(pid) is not null) "
            "from pg_stat_activity where datname = %s"
        )
        until(lambda: self._admin.execute(statement, (name,)).fetchone() == (0,))


@contextmanager
def own_postgres(prepare: Callable[[Connection], object]) -> Iterator[Postgres]:
    """A server for roles, or whatever else the other tests' server must not have."""
    with short_folder() as folder, Postgres(folder / "pg", prepare, os.environ).running() as server:
        yield server
