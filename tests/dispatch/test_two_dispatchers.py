"""Two dispatchers at once: the second one runs, as a whole, while the first one is sending."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from flowctl.database import query
from flowctl.dispatch.events import EventKind
from flowctl.dispatch.options import Options
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from tests.support.dispatching import ACCEPTED, Ran, dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.invariants import let_claims_pass, let_leases_pass
from tests.support.locks import waits_for_a_guard
from tests.support.mortal import Life, dispatch_mortally
from tests.support.postgres import Connection
from tests.support.recording import RecordingProvider
from tests.support.waiting import until

ONE_AT_A_TIME = Options(concurrency=1)
ONLY_ONE = Options(concurrency=1, limit=1)
NO_ACCOUNT = Outcome(OutcomeKind.CHANNEL_STOPPED, "535 5.7.8", "no such account")
REFUSED = Outcome(OutcomeKind.REFUSED, "550 5.7.1", "no")


def while_sending(
    database: str, meanwhile: Callable[[], None], *, options: Options, limit: int | None = None
) -> tuple[Ran, Ran]:
    """What the first dispatcher did and what the second, which ran during its first send."""
    environ = {} if limit is None else {"FLOWCTL_MAX_PER_HOUR": str(limit)}
    seconds: list[Ran] = []

    def answer(_: OutgoingMessage) -> Outcome:
        if not seconds:
            meanwhile()
            seconds.append(dispatch_once(database, environ=environ))
        return ACCEPTED

    first = dispatch_once(database, answer=answer, options=options, environ=environ)
    return first, seconds[0]


def nothing() -> None:
    """What happens meanwhile where nothing does."""


def test_what_one_has_claimed_the_other_leaves_alone(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(3):
        a_lead(conn)
    first, second = while_sending(database, nothing, options=ONE_AT_A_TIME)
    assert (len(first.taken), second.events) == (3, [])


def test_what_one_is_sending_the_other_does_not_even_claim(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)

    def let_its_claim_pass() -> None:
        conn.execute("update message_logs set lease_until = now() - interval '1 second'")

    first, second = while_sending(database, let_its_claim_pass, options=ONE_AT_A_TIME)
    assert (len(first.taken), second.events) == (1, [])
    assert messages(conn, "status", "attempts") == [("sent", 1)]


@pytest.mark.usefixtures("either_begin")
def test_what_the_other_took_over_is_not_begun(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(3):
        a_lead(conn)
    first, second = while_sending(database, lambda: let_claims_pass(conn), options=ONE_AT_A_TIME)
    assert (len(first.taken), len(second.taken)) == (1, 2)
    assert [e.kind for e in first.events].count(EventKind.TAKEN_OVER) == 2
    assert set(messages(conn, "status", "attempts")) == {("sent", 1)}


@pytest.mark.usefixtures("either_begin")
def test_a_claim_that_ran_out_is_made_again_though_nobody_took_it(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    for _ in range(2):
        a_lead(conn)

    def let_claims_pass_and_answer(_: OutgoingMessage) -> Outcome:
        let_claims_pass(conn)
        return ACCEPTED

    ran = dispatch_once(database, answer=let_claims_pass_and_answer, options=ONE_AT_A_TIME)
    assert [event.kind for event in ran.events].count(EventKind.RELEASED) == 1
    assert len(ran.taken) == 2
    assert set(messages(conn, "status", "attempts")) == {("sent", 1)}


@pytest.mark.usefixtures("either_begin")
def test_what_is_cancelled_after_the_claim_is_not_begun(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(2):
        a_lead(conn)

    def cancel_and_answer(_: OutgoingMessage) -> Outcome:
        conn.execute(
            "update message_logs m set status = 'cancelled', error_message = 'by hand' "
            "where not exists (select from flowctl.sends s where s.message_id = m.id)"
        )
        return ACCEPTED

    ran = dispatch_once(database, answer=cancel_and_answer, options=ONE_AT_A_TIME)
    assert len(ran.taken) == 1
    assert sorted(messages(conn, "status")) == [("cancelled",), ("sent",)]


BEGIN_ALL = """
    insert into flowctl.sends (
      message_id, lead_id, channel, transport, recipient, content, claimed_by, lease_until
    )
    select id, lead_id, 'email', 'smtp', 'ada@example.com', '', gen_random_uuid(),
      now() + interval '1 minute'
    from message_logs
"""
"""What a dispatcher does that begins every message."""


def test_the_database_lets_a_message_be_begun_only_once(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute(BEGIN_ALL.encode())
    with pytest.raises(psycopg.errors.UniqueViolation):
        conn.execute(BEGIN_ALL.encode())


@pytest.mark.usefixtures("either_begin")
def test_what_another_has_begun_is_not_begun(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(2):
        a_lead(conn)

    def begin_the_rest_and_answer(_: OutgoingMessage) -> Outcome:
        conn.execute(f"{BEGIN_ALL} on conflict do nothing".encode())
        return ACCEPTED

    ran = dispatch_once(database, answer=begin_the_rest_and_answer, options=ONE_AT_A_TIME)
    assert len(ran.taken) == 1
    assert sorted(messages(conn, "status")) == [("pending",), ("sent",)]


def test_a_claim_that_is_anothers_by_now_is_not_given_back(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(2):
        a_lead(conn)

    def hand_over_and_stop(_: OutgoingMessage) -> Outcome:
        conn.execute(
            "update message_logs m set claimed_by = gen_random_uuid() "
            "where not exists (select from flowctl.sends s where s.message_id = m.id)"
        )
        return NO_ACCOUNT

    dispatch_once(database, answer=hand_over_and_stop, options=ONE_AT_A_TIME)
    rows = messages(conn, "status", "claimed_by")
    assert sorted((status, holder is None) for status, holder in rows) == [
        ("pending", False), ("pending", True),
    ]  # fmt: skip


def test_a_gap_counts_what_another_is_sending(database: str, conn: Connection) -> None:
    a_flow(conn, min_gap="4 hours")
    a_step(conn, subject="1")
    a_step(conn, subject="2")
    a_lead(conn)
    conn.execute(
        "update message_logs set scheduled_for = scheduled_for - interval '1 minute' "
        "where subject = '1'"
    )

    def let_the_other_be_earlier() -> None:
        conn.execute(
            "update message_logs m set scheduled_for = scheduled_for - interval '1 hour' "
            "where not exists (select from flowctl.sends s where s.message_id = m.id)"
        )

    first, second = while_sending(database, let_the_other_be_earlier, options=ONLY_ONE)
    assert (len(first.taken), second.taken) == (1, [])
    let_claims_pass(conn)
    assert dispatch_once(database).totals.deferred == 1


@pytest.mark.parametrize("is_older", [False, True])
def test_one_address_is_not_written_to_while_another_writes_to_it(
    database: str, conn: Connection, is_older: bool
) -> None:
    """Nor while an older program does, which leaves its comparable form out."""
    a_flow(conn, dedupe_address=True)
    a_step(conn)
    a_lead(conn, email="Ada@example.com")
    a_lead(conn, email="ada@example.com")

    def begin_like_an_older_program() -> None:
        if is_older:
            conn.execute("update flowctl.sends set address = null")

    first, second = while_sending(database, begin_like_an_older_program, options=ONLY_ONE)
    assert (len(first.taken), second.taken) == (1, [])
    let_claims_pass(conn)
    assert dispatch_once(database).totals.cancelled == 1


def test_the_hourly_limit_counts_what_another_is_sending(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(3):
        a_lead(conn)
    first, second = while_sending(database, nothing, options=ONLY_ONE, limit=1)
    assert (len(first.taken), second.taken, second.totals.is_limited) == (1, [], True)


@pytest.mark.parametrize("name", ["hourly limit", "lead", "address"])
def test_one_dispatcher_at_a_time_decides_what_others_must_count(
    database: str, conn: Connection, name: str
) -> None:
    a_flow(conn, min_gap="4 hours", dedupe_address=True)
    a_step(conn, key="welcome")
    lead = a_lead(conn)
    names = {
        "hourly limit": "hourly limit",
        "lead": f"lead {lead}",
        "address": "step default/welcome ada@example.com",
    }
    with ThreadPoolExecutor(1) as threads:
        with conn.transaction():
            conn.execute(query("lock_guarded"), {"names": [names[name]]})
            first = threads.submit(dispatch_once, database, environ={"FLOWCTL_MAX_PER_HOUR": "10"})
            until(lambda: waits_for_a_guard(conn))
            assert messages(conn, "status") == [("pending",)]
        assert first.result(60).totals.sent == 1


@pytest.mark.parametrize(
    ("outcome", "ends"),
    [(ACCEPTED, ("sent", None)), (REFUSED, ("failed", "unknown outcome"))],
    ids=["accepted", "refused"],
)
def test_an_email_that_another_gave_up_for_unknown(
    database: str, conn: Connection, outcome: Outcome, ends: tuple[str, str | None]
) -> None:
    a_step(conn)
    a_lead(conn)
    emails = RecordingProvider(Channel.EMAIL)
    others = RecordingProvider(Channel.EMAIL)

    def outlive_the_lease(_: OutgoingMessage) -> Outcome:
        let_leases_pass(conn)
        dispatch_mortally(database, [others], Life(None), concurrency=1)
        return outcome

    emails.answer = outlive_the_lease
    dispatch_mortally(database, [emails], Life(None), concurrency=1)
    assert others.taken == []
    ((status, error, recipient),) = messages(conn, "status", "error_message", "recipient")
    assert (status, error and error[:15]) == ends
    assert recipient == "ada@example.com"


def test_what_is_being_sent_is_not_cancelled_with_the_rest_of_its_flow(
    database: str, conn: Connection
) -> None:
    a_flow(conn, exit_when={"status": "won"})
    a_step(conn, subject="1")
    a_step(conn, subject="2", day=1)
    a_lead(conn)

    def leave_and_refuse(_: OutgoingMessage) -> Outcome:
        conn.execute("update leads set status = 'won'")
        conn.execute("update message_logs set scheduled_for = now() where subject = '2'")
        dispatch_once(database)
        return REFUSED

    dispatch_once(database, answer=leave_and_refuse, options=ONLY_ONE)
    assert sorted(messages(conn, "status", "cause")) == [
        ("cancelled", "exit_rule"), ("failed", None),
    ]  # fmt: skip


def test_what_is_being_sent_is_not_cancelled_when_its_recipient_is_suppressed(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_step(conn, day=1)
    a_lead(conn)

    def begin_the_rest_and_refuse(_: OutgoingMessage) -> Outcome:
        conn.execute(f"{BEGIN_ALL} on conflict do nothing".encode())
        return Outcome(OutcomeKind.SUPPRESSED, "550 5.1.1", "no such user")

    dispatch_once(database, answer=begin_the_rest_and_refuse)
    assert messages(conn, "status") == [("failed",), ("pending",)]
