"""Statements are prepared, and settings kept, where they stay with the connection, and no other."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowctl.database import Connection, open_connection
from flowctl.errors import DatabaseUnreachable
from flowctl.reconnecting import ReconnectingConnection, allow_prepared
from tests.support.pooler import PGBOUNCER, url_through
from tests.support.reconnecting import reconnecting_to


@pytest.fixture
def worker(database: str) -> Iterator[ReconnectingConnection]:
    with reconnecting_to(database) as reconnecting:
        yield reconnecting


def prepared(connection: Connection) -> object:
    """Run a statement that asks to be prepared; how many are."""
    connection.execute("select 1", prepare=True)
    row = connection.execute("select count(*) from pg_prepared_statements").fetchone()
    return row and row[0]


def test_a_direct_connection_prepares(worker: ReconnectingConnection) -> None:
    assert worker.run(prepared) == 1


def test_a_connection_that_is_opened_again_prepares_again(worker: ReconnectingConnection) -> None:
    with pytest.raises(DatabaseUnreachable):
        worker.run(lambda c: c.execute("select pg_terminate_backend(pg_backend_pid())"))
    assert worker.run(prepared) == 1


def test_nothing_is_prepared_unless_asked_for(worker: ReconnectingConnection) -> None:
    def work(connection: Connection) -> object:
        for _ in range(10):
            connection.execute("select 2")
        return prepared(connection)

    assert worker.run(work) == 1


def test_a_connection_that_was_not_looked_at_prepares_nothing(database: str) -> None:
    with closing(open_connection(database)) as connection:
        assert prepared(connection) == 0


@pytest.mark.parametrize("autocommit", [True, False])
def test_a_direct_connection_compiles_no_plans(database: str, autocommit: bool) -> None:
    with closing(open_connection(database, autocommit=autocommit)) as connection:
        connection.rollback()
        assert connection.execute("show jit").fetchone() == ("off",)


@pytest.mark.skipif(PGBOUNCER is None, reason="there is no pgbouncer")
def test_a_connection_through_a_pooler_keeps_nothing(database: str, pooled: Path) -> None:
    with closing(open_connection(url_through(pooled, database))) as connection:
        allow_prepared(connection)
        assert prepared(connection) == 0
        assert connection.execute("show jit").fetchone() == ("on",)


def test_a_statement_that_did_not_stay_is_sent_whole(worker: ReconnectingConnection) -> None:
    def forget(connection: Connection) -> None:
        connection.execute("do $$ begin execute 'deallocate all'; end $$")

    worker.run(prepared)
    worker.run(forget)
    assert worker.run(prepared) == 0
    assert worker.run(prepared) == 0
