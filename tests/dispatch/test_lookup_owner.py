"""A run writes the result of a look-up only while the look-up is its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage, TextRecord
from flowctl.store.recovery import claim_lookups, resolve_found
from flowctl.store.runs import Run
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_lead, a_step, messages
from tests.support.invariants import begun, let_leases_pass
from tests.support.locks import is_waited_for
from tests.support.mortal import Life, dispatch_mortally
from tests.support.postgres import Connection, connect
from tests.support.recording import RecordingProvider, accepts
from tests.support.waiting import until

UNKNOWN = Outcome(OutcomeKind.UNKNOWN, detail="no answer")

TAKE_OVER = (
    "update flowctl.sends set claimed_by = gen_random_uuid(),"
    " lease_until = now() + interval '1 hour'"
)


@dataclass
class SlowProvider(RecordingProvider):
    """Something happens while it is asked."""

    meanwhile: Callable[[], object] = lambda: None

    def find(self, recipient: str, since: datetime) -> list[TextRecord]:
        """The texts to a number, newest first."""
        self.meanwhile()
        return super().find(recipient, since)


@pytest.mark.parametrize("case", ["found", "missing", "to be asked again"])
def test_what_another_run_has_taken_over_is_left_to_it(
    database: str, conn: Connection, case: str
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = SlowProvider(Channel.TEXT, lambda _: UNKNOWN, keeps_unknown=case == "found")
    dispatch_mortally(database, [texts], Life(None), concurrency=1)
    if case == "to be asked again":
        conn.execute("update flowctl.sends set lease_until = now() - interval '1 second'")
    else:
        let_leases_pass(conn)
    texts.meanwhile = lambda: conn.execute(TAKE_OVER)
    dispatch_mortally(database, [texts], Life(None), concurrency=1)
    assert messages(conn, "status", "is_unknown") == [("pending", True)]
    assert conn.execute(
        "select lease_until > now() + interval '50 minutes' from flowctl.sends"
    ).fetchall() == [(True,)]


def test_an_answer_that_is_unknown_leaves_the_send_to_the_run_that_took_it_over(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn)

    def take_over(_: OutgoingMessage) -> Outcome:
        conn.execute(TAKE_OVER)
        return UNKNOWN

    dispatch_mortally(
        database, [RecordingProvider(Channel.TEXT, take_over)], Life(None), concurrency=1
    )
    assert conn.execute(
        "select lease_until > now() + interval '50 minutes' from flowctl.sends"
    ).fetchall() == [(True,)]


def test_a_record_that_another_message_got_meanwhile_is_not_taken(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = RecordingProvider(Channel.TEXT, accepts)
    dispatch_mortally(database, [texts], Life(None), concurrency=1)
    a_lead(conn)
    texts.answer = lambda _: UNKNOWN
    dispatch_mortally(database, [texts], Life(None), concurrency=1)
    let_leases_pass(conn)
    run = Run(UUID(int=1), timedelta(minutes=1))
    (lookup,) = claim_lookups(conn, run, batch_size=10)
    assert resolve_found(conn, run, {lookup.message_id: "SM0"}, [lookup.message_id]) == set()
    assert sorted(messages(conn, "status")) == [("pending",), ("sent",)]


def test_a_look_up_that_another_has_taken_over_keeps_its_send(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn)

    def hand_over_the_send(_: OutgoingMessage) -> Outcome:
        conn.execute("update flowctl.sends set claimed_by = gen_random_uuid()")
        return Outcome(OutcomeKind.DEFERRED, "30001", "queue overflow")

    dispatch_once(database, answer=hand_over_the_send)
    conn.execute("update message_logs set retry_at = now()")
    assert begun(conn) == 1
    assert dispatch_once(database).taken == []


def test_of_two_that_look_up_a_text_the_second_finds_it_taken(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = RecordingProvider(Channel.TEXT, lambda _: UNKNOWN)
    dispatch_mortally(database, [texts], Life(None), concurrency=1)
    let_leases_pass(conn)
    one, two = (Run(UUID(int=n), timedelta(minutes=1)) for n in (1, 2))
    with connect(database) as other, ThreadPoolExecutor(1) as pool:
        with conn.transaction():
            assert len(claim_lookups(conn, one, batch_size=10)) == 1
            waiting = pool.submit(claim_lookups, other, two, batch_size=10)
            until(lambda: is_waited_for(conn))
        assert waiting.result() == []
