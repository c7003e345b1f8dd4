"""A Citus cluster in the place of the test server, and cheap databases in it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from flowctl import migrate
from tests.support.postgres import Connection, connect
from tests.support.waiting import until

_TAKEN = """select count(*) filter (where pg_terminate_backend(pid) is not null)
from pg_stat_activity where datname = %s"""

_ONE_CONNECTION = sql.SQL("alter database {} set citus.max_adaptive_executor_pool_size = 1")
"""As ``apply-schema --citus`` sets it."""


class Cluster:
    """As ``Postgres``: a template database on every node, and clones of it, each for one test."""

    def __init__(self, coordinator: str) -> None:
        self._url = coordinator
        self._numbers = count(1)
        self._prefix = f"test_{os.getpid()}"

    @contextmanager
    def running(self, prepare: Callable[[Connection], object]) -> Iterator[Self]:
        """The cluster has its template while the block runs."""
        with ExitStack() as stack:
            coordinator = stack.enter_context(connect(self._url))
            self._workers = coordinator.execute(
                "select nodename, nodeport from pg_dist_node where groupid <> 0"
            ).fetchall()
            self._address = coordinator.execute(
                "select nodename, nodeport from pg_dist_node where groupid = 0"
            ).fetchone()
            self._nodes = [coordinator]
            for host, port in self._workers:
                url = make_conninfo(self._url, host=host, port=port)
                self._nodes.append(stack.enter_context(connect(url)))
            self._template = f"{self._prefix}_template"
            with self._joined(self._template):
                with connect(self.url(self._template)) as own:
                    prepare(own)
                for node in self._nodes:
                    self._close(node, self._template)
                yield self

    def url(self, name: str) -> str:
        """The database of that name on the coordinator, as a user writes it."""
        parts = conninfo_to_dict(self._url)
        secret = f":{parts['password']}" if "password" in parts else ""
        port = parts.get("port", 5432)
        return f"postgresql://{parts['user']}{secret}@/{name}?host={parts['host']}&port={port}"

    @contextmanager
    def database(
        self, *, template: str | None = None, schema: bool = True, owner: str | None = None
    ) -> Iterator[str]:
        """The URL of a new database, which is dropped at the end, whoever is still connected.

        Without the schema it is a cluster's all the same, and ``owner``'s on every node.
        """
        name = f"{self._prefix}_{next(self._numbers)}"
        if not schema:
            with self._joined(name):
                if owner is not None:
                    self._give(name, owner)
                yield self.url(name)
            return
        with self._created(name, template or self._template):
            if template is None:
                with connect(self.url(name)) as connection:
                    # the clone is a copy, which would not send, and has no settings of its own
                    migrate.take_over(connection)
                    connection.execute(_ONE_CONNECTION.format(sql.Identifier(name)))
            yield self.url(name)

    @contextmanager
    def _joined(self, name: str) -> Iterator[None]:
        """An empty database of that name, whose nodes know one another."""
        with self._created(name):
            for node in self._nodes:
                with connect(make_conninfo(node.info.dsn, dbname=name)) as own:
                    own.execute("create extension citus")
            with connect(self.url(name)) as own:
                own.execute("select citus_set_coordinator_host(%s, %s)", self._address)
                for worker in self._workers:
                    own.execute("select citus_add_node(%s, %s)", worker)
            yield

    def _give(self, name: str, owner: str) -> None:
        to_owner = sql.SQL("alter database {} owner to {}")
        for node in self._nodes:
            with node.transaction():
                node.execute("set local citus.enable_ddl_propagation = off")
                node.execute(to_owner.format(sql.Identifier(name), sql.Identifier(owner)))

    @contextmanager
    def _created(self, name: str, template: str = "template0") -> Iterator[None]:
        """A database of that name on every node."""
        new = sql.Identifier(name)
        try:
            for node in self._nodes:
                node.execute(
                    sql.SQL("create database {} template {}").format(new, sql.Identifier(template))
                )
            yield
        finally:
            for node in self._nodes:
                until(lambda: self._is_dropped(node, name))  # noqa: B023 - called at once

    def _is_dropped(self, node: Connection, name: str) -> bool:
        """Drop a database, unless a process of Citus's has not left it yet."""
        self._close(node, name)
        try:
            node.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
        except psycopg.errors.ObjectInUse:
            return False
        return True

    def _close(self, node: Connection, name: str) -> None:
        """End every connection to the database, Citus's own as well, and let nobody in again:
        it is neither copied nor dropped while somebody is."""
        closing = sql.SQL("alter database {} with allow_connections false")
        known = node.execute("select from pg_database where datname = %s", (name,)).fetchone()
        if known is not None:
            node.execute(closing.format(sql.Identifier(name)))
        until(lambda: node.execute(_TAKEN, (name,)).fetchone() == (0,))


def distribute(connection: Connection) -> None:
    """Give a database the schema, on all nodes."""
    migrate.apply(connection, distributes=True)
