"""A database that refuses in the middle of a run, or says nothing, is waited for."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from uuid import UUID

import pytest
from psycopg import sql

from flowctl.database import open_connection
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.options import Options
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.settings import Settings
from tests.support.cut_line import Cut, CutLine
from tests.support.dispatching import RUN_IDS, FastClock
from tests.support.factories import a_lead, a_step, messages
from tests.support.invariants import let_leases_pass
from tests.support.looping import looping
from tests.support.postgres import Connection, Postgres, connect
from tests.support.recording import RecordingProvider
from tests.support.waiting import until


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The owner's database."""
    with postgres.database() as url:
        yield url


def a_dispatcher(
    url: str, providers: Sequence[RecordingProvider], observer: Callable[[Event], None]
) -> Dispatcher:
    return Dispatcher(
        lambda: open_connection(url),
        [provider.state() for provider in providers],
        Settings.from_env({}),
        Options(concurrency=1, interval=0.01),
        run_id=UUID(int=next(RUN_IDS)),
        clock=FastClock(),
        random=Random(1),  # noqa: S311 - jitter
        observer=observer,
    )


def set_for_all(conn: Connection, setting: str, value: str | None) -> None:
    """Change a setting of the database, for connections that are opened from now on."""
    change = "reset {}" if value is None else "set {} = {}"
    conn.execute(
        sql.SQL("alter database {} " + change).format(
            sql.Identifier(conn.info.dbname), sql.Identifier(setting), *([value] if value else [])
        )
    )


def end_dispatchers(conn: Connection) -> None:
    conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name = 'flowctl'"
    )


def make_read_only(conn: Connection) -> None:
    set_for_all(conn, "default_transaction_read_only", "on")
    end_dispatchers(conn)


def make_writable(conn: Connection) -> None:
    set_for_all(conn, "default_transaction_read_only", None)
    end_dispatchers(conn)


def lock_the_table(conn: Connection) -> None:
    set_for_all(conn, "lock_timeout", "50ms")
    end_dispatchers(conn)
    conn.execute("begin")
    conn.execute("lock table message_logs in access exclusive mode")


def unlock_the_table(conn: Connection) -> None:
    conn.execute("rollback")


@pytest.mark.parametrize(
    ("refuse", "allow", "words"),
    [
        (make_read_only, make_writable, "the database is read-only"),
        (lock_the_table, unlock_the_table, "the database gave up"),
    ],
)
def test_a_loop_waits_for_a_database_that_refuses_and_keeps_what_it_has_in_hand(
    database: str,
    refuse: Callable[[Connection], None],
    allow: Callable[[Connection], None],
    words: str,
) -> None:
    with connect(database) as conn:
        conn.execute("set default_transaction_read_only = off")
        a_step(conn)
        for _ in range(3):
            a_lead(conn)
        refusals: list[str] = []
        emails = RecordingProvider(Channel.EMAIL)

        def accept_and_refuse(_: OutgoingMessage) -> Outcome:
            if not emails.taken:
                refuse(conn)
            return Outcome(OutcomeKind.ACCEPTED)

        def allow_after_a_while(event: Event) -> None:
            if event.kind is EventKind.DATABASE_LOST and words in event.detail:
                refusals.append(event.detail)
                # once at once, once a minute later
                if len(refusals) == 2:
                    allow(conn)

        emails.answer = accept_and_refuse
        dispatcher = a_dispatcher(database, [emails], allow_after_a_while)
        with looping(dispatcher) as loop:
            until(lambda: len(emails.taken) == 3)
        assert loop.result().sent == 3
        assert messages(conn, "status", "attempts") == [("sent", 1)] * 3
        assert conn.execute("select from flowctl.sends").fetchall() == []


@pytest.mark.parametrize("nth", [3, 5, 8])
def test_a_line_that_falls_silent_is_given_up_and_opened_again(database: str, nth: int) -> None:
    with (
        connect(database) as conn,
        CutLine(database, Cut(nth, executed=False, silent=True)) as line,
    ):
        a_step(conn)
        for _ in range(3):
            a_lead(conn)
        emails = RecordingProvider(Channel.EMAIL)
        lost: list[str] = []

        def note(event: Event) -> None:
            if event.kind is EventKind.DATABASE_LOST:
                lost.append(event.detail)
                let_leases_pass(conn)

        with looping(a_dispatcher(line.url, [emails], note)) as loop:
            until(lambda: len(emails.taken) == 3)
        loop.result()
        assert lost == ["the connection to the database was lost"]
        assert all(count == 1 for count in emails.count().values())


def test_a_dispatcher_on_a_silent_line_ends_when_told_to(database: str) -> None:
    with connect(database) as conn, CutLine(database, Cut(2, executed=False, silent=True)) as line:
        a_step(conn)
        a_lead(conn)
        emails = RecordingProvider(Channel.EMAIL)
        with looping(a_dispatcher(line.url, [emails], lambda _: None)) as loop:
            until(lambda: line.silences == 1)
        loop.result()
        assert emails.taken == []
