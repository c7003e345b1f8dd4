"""The database goes away in the middle of a run: no outcome is lost, and nothing is sent twice."""

from collections.abc import Iterator

import pytest

from flowctl.dispatch.events import Event, EventKind
from flowctl.errors import DatabaseUnreachable
from tests.dispatch.losing import (
    a_dispatcher,
    assert_each_sent_once,
    one_lead_and_both_channels,
    two_channels,
)
from tests.support.cut_line import Cut, CutLine
from tests.support.factories import a_lead, a_step
from tests.support.invariants import let_leases_pass
from tests.support.postgres import Connection, Postgres


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The owner's database: which role a line is cut for makes no difference."""
    with postgres.database() as url:
        yield url


def statements_of_a_run(database: str) -> int:
    with CutLine(database) as line:
        a_dispatcher(line.url, two_channels()).run_once()
        return line.statements


@pytest.mark.parametrize("executed", [False, True])
def test_the_line_is_cut_at_any_statement(database: str, conn: Connection, executed: bool) -> None:
    one_lead_and_both_channels(conn)
    statements = statements_of_a_run(database)
    assert statements > 10
    for nth in range(1, statements + 1):
        conn.execute("delete from leads")
        a_lead(conn)
        providers = two_channels()
        with CutLine(database, Cut(nth, executed)) as line:
            try:
                a_dispatcher(line.url, providers).run_once()
            except DatabaseUnreachable:
                let_leases_pass(conn)
                a_dispatcher(database, providers).run_once()
        assert_each_sent_once(conn, providers)


@pytest.mark.parametrize("kind", ["claimed", "begun", "answered", "sent"])
def test_the_server_ends_the_connection_at_any_event(
    database: str, conn: Connection, kind: EventKind
) -> None:
    a_step(conn)
    a_lead(conn)
    providers = two_channels()
    ended: list[object] = []

    def end_connection(event: Event) -> None:
        if event.kind == kind and not ended:
            ended.extend(
                conn.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where application_name = 'flowctl' and datname = current_database()"
                ).fetchall()
            )

    try:
        a_dispatcher(database, providers, end_connection).run_once()
    except DatabaseUnreachable:
        let_leases_pass(conn)
        a_dispatcher(database, providers).run_once()
    assert ended == [(True,)]
    assert_each_sent_once(conn, providers)
