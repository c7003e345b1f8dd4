"""Work that lost a conflict is run again, over a connection of either kind, and no other is; a
refused password is not sent again soon."""

from collections.abc import Iterator
from contextlib import closing, nullcontext
from itertools import count
from random import Random
from threading import Thread

import pytest

from flowctl.clock import SystemClock
from flowctl.database import Connection as OwnConnection
from flowctl.database import open_connection
from flowctl.errors import DatabaseUnavailable, FlowctlError, PasswordRefused
from flowctl.reconnecting import (
    PASSWORD_PAUSE,
    REFUSALS_TAKEN,
    OpenConnection,
    ReconnectingConnection,
    Worker,
)
from tests.support.factories import a_flow
from tests.support.postgres import Connection, connect
from tests.support.reconnecting import reconnecting_to
from tests.support.waiting import until

TOUCH = "update flows set timezone = 'UTC' where name = %s"


@pytest.fixture(params=["reconnecting", "open"])
def worker(database: str, request: pytest.FixtureRequest) -> Iterator[Worker]:
    if request.param == "open":
        with closing(open_connection(database)) as connection:
            yield OpenConnection(connection)
        return
    with reconnecting_to(database) as reconnecting:
        yield reconnecting


def test_work_that_is_undone_by_a_deadlock_is_run_again(
    database: str, conn: Connection, worker: Worker
) -> None:
    a_flow(conn, "one")
    a_flow(conn, "two")
    tries: list[int] = []

    with connect(database) as other:
        other.execute("set deadlock_timeout = '1min'")
        takes_one = Thread(target=lambda: _touch_and_commit(other, "one"))

        def work(connection: OwnConnection) -> None:
            tries.append(1)
            if len(tries) > 1:
                # else it could take "one" again before the other one is awake
                takes_one.join()
            with connection.transaction():
                # whoever waits last notices the deadlock, and gives in
                connection.execute("set local deadlock_timeout = '10ms'")
                connection.execute(TOUCH, ("one",))
                if len(tries) == 1:
                    takes_one.start()
                    until(lambda: _waits(conn, other.info.backend_pid))
                connection.execute(TOUCH, ("two",))

        other.execute("begin")
        other.execute(TOUCH, ("two",))
        worker.run(work)
    assert len(tries) == 2


def test_work_that_cannot_be_serialized_is_run_again(conn: Connection, worker: Worker) -> None:
    a_flow(conn, "one")
    tries: list[int] = []

    def work(connection: OwnConnection) -> None:
        tries.append(1)
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read")
            connection.execute("select from flows")
            if len(tries) == 1:
                conn.execute(TOUCH, ("one",))
            connection.execute(TOUCH, ("one",))

    worker.run(work)
    assert len(tries) == 2


def test_work_that_the_database_refuses_is_not_run_again(
    worker: Worker,
) -> None:
    tries: list[int] = []

    def work(connection: OwnConnection) -> None:
        tries.append(1)
        connection.execute("select 1 / 0")

    with pytest.raises(FlowctlError):
        worker.run(work)
    assert len(tries) == 1


@pytest.mark.parametrize("refusals", [REFUSALS_TAKEN, REFUSALS_TAKEN + 1])
def test_what_must_be_done_is_tried_again_a_few_times_where_it_is_refused(
    database: str, refusals: int
) -> None:
    tries = count(1)

    def work(connection: OwnConnection) -> None:
        if next(tries) <= refusals:
            connection.execute("do $$ begin raise insufficient_privilege; end $$")

    ends = nullcontext() if refusals == REFUSALS_TAKEN else pytest.raises(DatabaseUnavailable)
    with reconnecting_to(database) as reconnecting, ends:
        reconnecting.run_until_done(work, lambda _: True)
    assert next(tries) == REFUSALS_TAKEN + 2


def test_a_password_that_was_refused_is_not_sent_again_soon() -> None:
    pauses: list[float] = []

    def refuse() -> OwnConnection:
        raise PasswordRefused("password authentication failed")

    def wait_once(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) == 1

    reconnecting = ReconnectingConnection(
        refuse,
        pause=wait_once,
        random=Random(1),  # noqa: S311 - jitter
        on_change=lambda _: None,
        clock=SystemClock(),
    )
    with pytest.raises(PasswordRefused):
        reconnecting.run_until_done(lambda _: None)
    assert pauses == [PASSWORD_PAUSE] * 2


def _touch_and_commit(connection: Connection, flow: str) -> None:
    connection.execute(TOUCH, (flow,))
    connection.execute("commit")


def _waits(conn: Connection, pid: int) -> bool:
    row = conn.execute(
        "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", (pid,)
    ).fetchone()
    return row == (True,)
