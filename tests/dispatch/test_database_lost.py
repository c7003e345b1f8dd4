"""The database goes away in the middle of a run: no outcome is lost, and nothing is sent twice."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random
from threading import Event as Flag
from uuid import UUID

import pytest

from flowctl.clock import SystemClock
from flowctl.database import open_connection
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.options import CLAIM_AHEAD, Options
from flowctl.dispatch.stopping import DATABASE_DEADLINE
from flowctl.errors import DatabaseUnreachable
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.settings import Settings
from tests.support.cut_line import Cut, CutLine
from tests.support.dispatching import RUN_IDS
from tests.support.factories import a_lead, a_step, messages
from tests.support.invariants import let_leases_pass, pending
from tests.support.looping import looping
from tests.support.own_server import OwnServer, own_server
from tests.support.postgres import Connection, Postgres
from tests.support.recording import RecordingProvider
from tests.support.waiting import until

BRAKE = {"FLOWCTL_MAX_PER_HOUR": "1000"}
"""So that a turn takes the lock of the hourly limit, too."""


def a_dispatcher(
    database: str | Callable[[], Connection],
    providers: Sequence[RecordingProvider],
    observer: Callable[[Event], None] = lambda _: None,
    *,
    concurrency: int = 2,
) -> Dispatcher:
    """A dispatcher for a database, given by its URL or by how to connect to it."""
    return Dispatcher(
        database if callable(database) else lambda: open_connection(database),
        [provider.state() for provider in providers],
        Settings.from_env(BRAKE),
        Options(concurrency=concurrency, interval=0.01),
        run_id=UUID(int=next(RUN_IDS)),
        clock=SystemClock(),
        random=Random(1),  # noqa: S311 - jitter
        observer=observer,
    )


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The owner's database: which role a line is cut for makes no difference."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def server(cluster: Path) -> Iterator[OwnServer]:
    """A server that the test may kill."""
    with own_server(cluster) as own:
        yield own


def two_channels() -> list[RecordingProvider]:
    return [RecordingProvider(channel) for channel in Channel]


def one_lead_and_both_channels(conn: Connection) -> None:
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn)


def assert_each_sent_once(conn: Connection, providers: Sequence[RecordingProvider]) -> None:
    counts: Counter[UUID] = Counter()
    for provider in providers:
        counts += provider.count()
    rows = messages(conn, "id", "status", "attempts", "claimed_by")
    assert rows == [(identity, "sent", 1, None) for identity, *_ in rows]
    assert counts == Counter(identity for identity, *_ in rows)
    assert conn.execute("select from flowctl.sends").fetchall() == []


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


@pytest.mark.parametrize("leads", [1, 2], ids=["nothing more to send", "more to send"])
def test_an_outcome_is_kept_until_the_server_is_back(server: OwnServer, leads: int) -> None:
    with server.connect() as conn:
        a_step(conn)
        for _ in range(leads):
            a_lead(conn)
    emails = RecordingProvider(Channel.EMAIL)
    tries = count()

    def accept_and_kill(_: OutgoingMessage) -> Outcome:
        if not emails.taken:
            server.kill()
        return Outcome(OutcomeKind.ACCEPTED)

    def connect() -> Connection:
        if next(tries) == 3:
            server.start()
        return open_connection(server.url)

    emails.answer = accept_and_kill
    told: list[EventKind] = []
    dispatcher = a_dispatcher(
        connect, [emails], lambda event: told.append(event.kind), concurrency=1
    )
    with suppress(DatabaseUnreachable):
        dispatcher.run_once()
    assert told.count(EventKind.DATABASE_LOST) == told.count(EventKind.DATABASE_BACK) == 1
    with server.connect() as conn:
        assert messages(conn, "status").count(("sent",)) >= 1
        a_dispatcher(server.url, [emails]).run_once()
        assert_each_sent_once(conn, [emails])


def test_an_outcome_is_kept_when_the_next_claim_finds_no_server(server: OwnServer) -> None:
    with server.connect() as conn:
        a_step(conn)
        for _ in range(CLAIM_AHEAD + 1):
            a_lead(conn)
    emails = RecordingProvider(Channel.EMAIL)

    def accept_and_kill(_: OutgoingMessage) -> Outcome:
        if len(emails.taken) + 1 == CLAIM_AHEAD:
            server.kill()
        return Outcome(OutcomeKind.ACCEPTED)

    def start_again(event: Event) -> None:
        if event.kind is EventKind.DATABASE_LOST:
            server.start()

    emails.answer = accept_and_kill
    with pytest.raises(DatabaseUnreachable):
        a_dispatcher(server.url, [emails], start_again, concurrency=1).run_once()
    with server.connect() as conn:
        a_dispatcher(server.url, [emails]).run_once()
        assert_each_sent_once(conn, [emails])


def test_a_pass_without_outcomes_ends_when_the_server_is_killed(server: OwnServer) -> None:
    with server.connect() as conn:
        one_lead_and_both_channels(conn)
    providers = two_channels()

    def kill(event: Event) -> None:
        if event.kind is EventKind.CLAIMED:
            server.kill()

    with pytest.raises(DatabaseUnreachable):
        a_dispatcher(server.url, providers, kill).run_once()
    assert [provider.taken for provider in providers] == [[], []]
    server.start()
    with server.connect() as conn:
        assert messages(conn, "status", "attempts") == [("pending", 0)] * 2
        let_leases_pass(conn)
        a_dispatcher(server.url, providers).run_once()
        assert_each_sent_once(conn, providers)


def test_a_loop_goes_on_when_the_server_is_back(server: OwnServer) -> None:
    with server.connect() as conn:
        a_step(conn)
        for _ in range(6):
            a_lead(conn)
    killings: list[None] = [None]
    emails = RecordingProvider(Channel.EMAIL)

    def accept_and_kill(_: OutgoingMessage) -> Outcome:
        if killings:
            killings.pop()
            server.kill()
        return Outcome(OutcomeKind.ACCEPTED)

    def start_again(event: Event) -> None:
        if event.kind is EventKind.DATABASE_LOST:
            server.start()

    emails.answer = accept_and_kill
    dispatcher = a_dispatcher(server.url, [emails], start_again, concurrency=1)
    with looping(dispatcher) as loop:
        until(lambda: len(emails.taken) == 6)
        with server.connect() as conn:
            a_lead(conn)
            until(lambda: len(emails.taken) == 7)
    assert loop.result().sent == 7
    with server.connect() as conn:
        assert_each_sent_once(conn, [emails])


def test_a_loop_sends_what_it_had_claimed_before_the_server_went_away(server: OwnServer) -> None:
    with server.connect() as conn:
        a_step(conn)
        a_lead(conn)
    providers = two_channels()
    killings: list[None] = [None]

    def kill_and_start_again(event: Event) -> None:
        if event.kind is EventKind.CLAIMED and killings:
            killings.pop()
            server.kill()  # before the other channel's claim
        if event.kind is EventKind.DATABASE_LOST:
            server.start()

    with looping(a_dispatcher(server.url, providers, kill_and_start_again)) as loop:
        until(lambda: len(providers[0].taken) == 1)
    assert loop.result().sent == 1
    with server.connect() as conn:
        assert_each_sent_once(conn, providers)


def test_a_loop_records_what_was_in_flight_though_nothing_more_is_due(server: OwnServer) -> None:
    with server.connect() as conn:
        a_step(conn)
        a_step(conn)
        a_step(conn, type="text")
        a_lead(conn)
    is_back = Flag()
    providers = two_channels()

    def accept_and_kill(_: OutgoingMessage) -> Outcome:
        server.kill()
        return Outcome(OutcomeKind.ACCEPTED)

    def accept_when_back(_: OutgoingMessage) -> Outcome:
        assert is_back.wait(60)
        return Outcome(OutcomeKind.ACCEPTED)

    def start_again(event: Event) -> None:
        if event.kind is EventKind.DATABASE_LOST:
            server.start()
            with server.connect() as conn:
                cancel_what_is_not_begun(conn)
        if event.kind is EventKind.DATABASE_BACK:
            is_back.set()

    providers[0].answer, providers[1].answer = accept_and_kill, accept_when_back
    with looping(a_dispatcher(server.url, providers, start_again)) as loop:
        until(is_back.is_set)
        with server.connect() as conn:
            until(lambda: not pending(conn))
            assert sorted(messages(conn, "message_type", "status")) == [
                ("email", "cancelled"), ("email", "sent"), ("text", "sent"),
            ]  # fmt: skip
    assert loop.result().sent == 2


def cancel_what_is_not_begun(conn: Connection) -> None:
    conn.execute(
        "update message_logs m set status = 'cancelled' where status = 'pending' "
        "and not exists (select from flowctl.sends s where s.message_id = m.id)"
    )


def test_a_loop_that_waits_for_the_server_ends_when_told_to(server: OwnServer) -> None:
    lost = Flag()

    def note(event: Event) -> None:
        if event.kind is EventKind.DATABASE_LOST:
            lost.set()

    clock = SystemClock()
    with looping(a_dispatcher(server.url, two_channels(), note)) as loop:
        server.kill()
        assert lost.wait(60)
        told_at = clock.monotonic()
    assert loop.result().sent == 0
    assert clock.monotonic() - told_at < DATABASE_DEADLINE / 2
