"""Statements that are sent together leave a usable connection, whatever becomes of them."""

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Json

from flowctl.database import Connection, open_connection
from flowctl.reconnecting import allow_prepared
from flowctl.store.together import Statement, run_together

PLAN = Statement("plan_once", {})
LOCK = Statement("lock_guarded", {"names": ["a lead"]})


def recording(results: object) -> Statement:
    return Statement("record_outcomes", {"run": UUID(int=1), "now": None, "results": Json(results)})


FAILING = recording("no list")


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with closing(open_connection(database)) as opened:
        yield opened


def value(connection: Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def prepared(connection: Connection) -> object:
    return value(connection, "select count(*) from pg_prepared_statements")


def test_each_statement_gives_its_rows(connection: Connection) -> None:
    planned = Statement("plan_once", {}, lambda row: row[0])
    assert run_together(connection, [planned, recording([])]) == [["force_generic_plan"], []]


def test_they_are_one_transaction_that_is_over(connection: Connection) -> None:
    run_together(connection, [LOCK, PLAN])
    assert value(connection, "select count(*) from pg_locks where locktype = 'advisory'") == 0
    assert value(connection, "show plan_cache_mode") == "auto"


def test_they_are_undone_with_the_transaction_around_them(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        run_together(connection, [LOCK])
        held = "select count(*) from pg_locks where locktype = 'advisory'"
        assert value(connection, held) == 1
    assert value(connection, held) == 0


def test_a_failure_is_psycopgs_and_leaves_the_connection(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
        run_together(connection, [LOCK, FAILING, PLAN])
    assert caught.value.diag.message_primary
    assert value(connection, "select 1") == 1


def test_what_follows_a_failure_is_prepared_later(connection: Connection) -> None:
    allow_prepared(connection)
    with pytest.raises(psycopg.DataError):
        run_together(connection, [LOCK, FAILING, PLAN])
    for _ in range(2):
        run_together(connection, [LOCK, recording([]), PLAN])
    assert prepared(connection) == 3


def test_nothing_is_prepared_where_that_is_not_allowed(connection: Connection) -> None:
    run_together(connection, [LOCK, PLAN])
    assert prepared(connection) == 0


def test_more_than_a_socket_holds_arrives(connection: Connection) -> None:
    large = [{"id": UUID(int=n).hex, "error": "x" * 1000} for n in range(10_000)]
    assert run_together(connection, [recording(large), recording(large)]) == [[], []]


def test_what_is_done_meanwhile_may_fail(connection: Connection) -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        run_together(connection, [LOCK, recording([])], fail)
    assert value(connection, "select 1") == 1


def test_a_connection_that_is_lost_meanwhile_is_closed(
    database: str, connection: Connection
) -> None:
    pid = connection.info.backend_pid
    with closing(open_connection(database)) as other, other.transaction():
        other.execute("lock table message_logs in access exclusive mode")

        def end() -> None:
            other.execute("select pg_terminate_backend(%s)", (pid,))

        with pytest.raises(psycopg.OperationalError):
            run_together(connection, [recording([])], end)
    assert connection.closed
