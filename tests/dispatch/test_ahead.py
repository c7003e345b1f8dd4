"""Claiming the next messages while others are sent, and sending while the database writes."""

import sys
from itertools import count
from uuid import UUID

import pytest

from flowctl.database import Connection as OwnConnection
from flowctl.database import open_connection
from flowctl.dispatch.background import Background
from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.options import CLAIM_AHEAD, Options
from flowctl.errors import DatabaseUnreachable
from flowctl.model import Channel, Outcome, OutgoingMessage
from tests.support.cut_line import Cut, CutLine
from tests.support.dispatching import (
    ACCEPTED,
    FastClock,
    RecordingTransport,
    a_dispatcher,
    dispatch_once,
)
from tests.support.distributed import on_one_machine
from tests.support.factories import a_step
from tests.support.invariants import add_leads, pending
from tests.support.looping import looping
from tests.support.postgres import Connection, Postgres, connect
from tests.support.waiting import until

MANY = 6 * CLAIM_AHEAD
"""Messages for several claims of a dispatcher that sends one or two at a time."""

WAYS = pytest.mark.parametrize("is_immediate", [True, False], ids=["immediate", "threads"])


def add_due(conn: Connection) -> list[UUID]:
    """That many messages, due one after another; their ids in this order."""
    a_step(conn)
    add_leads(conn, MANY)
    conn.execute(
        "update message_logs m set scheduled_for = now() - n.n * interval '1 minute'"
        " from (select id, row_number() over (order by id desc) as n from message_logs) as n"
        " where n.id = m.id"
    )
    found = conn.execute("select id from message_logs order by scheduled_for").fetchall()
    return [message_id for (message_id,) in found]


@on_one_machine("the parts take turns")
@WAYS
@pytest.mark.parametrize("concurrency", [1, 2, 7])
def test_each_is_sent_once_and_the_longest_due_first(
    database: str, conn: Connection, concurrency: int, is_immediate: bool
) -> None:
    due = add_due(conn)
    ran = dispatch_once(
        database, options=Options(concurrency=concurrency, is_immediate=is_immediate)
    )
    assert ran.totals.sent == MANY
    begun = [event.message_id for event in ran.events if event.kind is EventKind.BEGUN]
    assert begun == due
    assert conn.execute("select count(*) from flowctl.sends").fetchone() == (0,)


@WAYS
@pytest.mark.parametrize("at", [1, CLAIM_AHEAD // 2 + 2, CLAIM_AHEAD + 1])
def test_what_was_claimed_ahead_is_given_back_at_a_stop(
    database: str, conn: Connection, at: int, is_immediate: bool
) -> None:
    add_due(conn)
    numbers = count(1)

    def stop_there(_: OutgoingMessage) -> Outcome:
        if next(numbers) == at:
            dispatcher.stop()
        return ACCEPTED

    emails = RecordingTransport(Channel.EMAIL, stop_there)
    options = Options(concurrency=1, is_immediate=is_immediate)
    dispatcher = a_dispatcher(database, [emails], options=options)
    totals = dispatcher.run_once()
    assert at <= totals.sent <= at + 1
    found = conn.execute(
        "select status, claimed_by is null, count(*)::int from message_logs group by 1, 2"
    ).fetchall()
    assert sorted(found) == [("pending", True, MANY - totals.sent), ("sent", True, totals.sent)]


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_no_more_than_concurrency_are_begun_and_not_recorded(
    database: str, conn: Connection, concurrency: int
) -> None:
    add_due(conn)
    begun: list[int] = []

    def look(event: Event) -> None:
        if event.kind is EventKind.ANSWERED:
            row = conn.execute("select count(*)::int from flowctl.sends").fetchone()
            assert row is not None
            begun.append(int(row[0]))

    emails = RecordingTransport(Channel.EMAIL)
    options = Options(concurrency=concurrency, is_immediate=True)
    assert a_dispatcher(database, [emails], look, options=options).run_once().sent == MANY
    assert max(begun) <= concurrency


def test_a_server_with_one_connection_left_is_enough(database: str, conn: Connection) -> None:
    add_due(conn)
    emails = RecordingTransport(Channel.EMAIL)
    opened: list[OwnConnection] = []
    refused: list[int] = []

    def open_one() -> OwnConnection:
        if opened:
            refused.append(1)
            raise DatabaseUnreachable("it has no connection left")
        opened.append(open_connection(database))
        return opened[0]

    dispatcher = a_dispatcher(
        database, [emails], options=Options(concurrency=1), connecting=open_one
    )
    assert dispatcher.run_once().sent == MANY
    assert len(refused) == 1


def test_a_connection_that_was_refused_is_asked_for_in_the_next_pass(
    database: str, conn: Connection
) -> None:
    add_due(conn)
    emails = RecordingTransport(Channel.EMAIL)
    tries = count(1)

    def refuse_the_second() -> OwnConnection:
        if next(tries) == 2:
            raise DatabaseUnreachable("it has no connection left")
        return open_connection(database)

    dispatcher = a_dispatcher(
        database,
        [emails],
        options=Options(concurrency=1, interval=0.01),
        connecting=refuse_the_second,
    )
    with looping(dispatcher):
        until(lambda: not pending(conn))
        rounds = dispatcher.health or 0
        until(lambda: (dispatcher.health or 0) > rounds + 5)
        add_leads(conn, MANY)
        until(lambda: len(emails.taken) == 2 * MANY)
    assert next(tries) == 4


def test_what_a_call_raises_is_raised_where_its_result_is_asked_for() -> None:
    background = Background("test")
    failing = background.start(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        failing.result()
    assert background.start(lambda: 2).result() == 2
    assert not background.is_busy
    background.close()


def test_what_a_call_raises_that_is_no_error_ends_no_later_call() -> None:
    background = Background("test")
    with pytest.raises(SystemExit):
        background.start(sys.exit).result(60)
    assert background.start(lambda: 2).result(60) == 2
    background.close()


def test_a_second_line_that_falls_silent_is_given_up(postgres: Postgres) -> None:
    with (
        postgres.database() as database,
        connect(database) as conn,
        CutLine(database, Cut(2, executed=False, silent=True)) as line,
    ):
        add_due(conn)
        urls = iter([database, line.url])
        emails = RecordingTransport(Channel.EMAIL)
        dispatcher = a_dispatcher(
            database,
            [emails],
            options=Options(concurrency=1),
            clock=FastClock(),
            connecting=lambda: open_connection(next(urls)),
        )
        assert dispatcher.run_once().sent == MANY
        assert line.silences == 1
