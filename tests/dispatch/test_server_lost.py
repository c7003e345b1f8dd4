"""The server goes away in the middle of a run, and comes back."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Event as Flag

import pytest

from flowctl.clock import SystemClock
from flowctl.database import open_connection
from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.options import CLAIM_AHEAD
from flowctl.dispatch.stopping import DATABASE_DEADLINE
from flowctl.errors import DatabaseUnreachable
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from tests.dispatch.losing import (
    a_dispatcher,
    assert_each_sent_once,
    one_lead_and_both_channels,
    two_channels,
)
from tests.support.factories import a_lead, a_step, messages
from tests.support.invariants import let_leases_pass, pending
from tests.support.looping import looping
from tests.support.own_server import OwnServer, own_server
from tests.support.postgres import Connection
from tests.support.recording import RecordingProvider
from tests.support.waiting import until


@pytest.fixture
def server(cluster: Path) -> Iterator[OwnServer]:
    """A server that the test may kill."""
    with own_server(cluster) as own:
        yield own


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
        let_leases_pass(conn)  # of a claim that the server made and nobody heard of
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
