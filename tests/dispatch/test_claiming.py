"""Claims in batches: a mark spares the walk over what was claimed, and nothing stays below it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.options import CLAIM_AHEAD, Options
from flowctl.model import Channel, Outcome, OutgoingMessage
from flowctl.store.claims import claim_due, release_claims, renew_leases
from flowctl.store.runs import Run
from tests.support.dispatching import ACCEPTED, RecordingTransport, a_dispatcher, dispatch_once
from tests.support.distributed import on_one_machine
from tests.support.factories import a_lead, a_step, database_now, messages
from tests.support.invariants import add_leads
from tests.support.locks import is_waited_for
from tests.support.postgres import Connection, connect
from tests.support.sending import begin_sends, hold_pending
from tests.support.waiting import until


@on_one_machine("a part is looked at from its oldest message on")
def test_a_claim_begins_at_the_mark_itself(conn: Connection) -> None:
    a_step(conn)
    add_leads(conn, 3)
    conn.execute(
        "update message_logs m set scheduled_for = now() - n.n * interval '1 hour'"
        " from (select id, row_number() over (order by id) as n from message_logs) as n"
        " where n.id = m.id"
    )
    earliest, middle, latest = (row[0] for row in messages(conn, "scheduled_for"))
    run = Run(UUID(int=1), timedelta(minutes=1))
    claimed = claim_due(conn, run, Channel.EMAIL, batch_size=10, low=middle)
    assert [row.due_at for row in claimed] == [middle, latest]
    left = claim_due(conn, run, Channel.EMAIL, batch_size=10)
    assert [row.due_at for row in left] == [earliest]


def test_what_becomes_due_below_the_mark_goes_in_the_same_run(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    add_leads(conn, CLAIM_AHEAD + 1)

    was_asked: list[bool] = []

    def answer(_: OutgoingMessage) -> Outcome:
        if not was_asked:
            was_asked.append(True)
            early = a_lead(conn, first_name="Early", email="early@example.com")
            conn.execute(
                "update message_logs set scheduled_for = now() - interval '1 hour'"
                " where lead_id = %s",
                (early,),
            )
        return ACCEPTED

    ran = dispatch_once(database, answer=answer, options=Options(concurrency=1))
    assert [m.recipient for m in ran.taken].count("early@example.com") == 1
    assert ran.totals.sent == CLAIM_AHEAD + 2


def test_a_message_that_somebody_has_locked_holds_up_no_other(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    add_leads(conn, 2)
    ((lead,), _) = messages(conn, "lead_id")
    with ThreadPoolExecutor(1) as threads:
        with conn.transaction():
            hold_pending(conn, lead)
            ran = threads.submit(dispatch_once, database)
            until(lambda: ran.done() or is_waited_for(conn))
            assert ran.done()
        assert ran.result(60).totals.sent == 1


def test_a_pretended_time_does_not_lengthen_a_lease(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    now = database_now(conn) + timedelta(days=30)
    ends: list[tuple[object, ...]] = []

    def look(event: Event) -> None:
        if event.kind is EventKind.CLAIMED:
            ends.extend(
                conn.execute(
                    "select lease_until < now() + interval '1 hour' from message_logs"
                ).fetchall()
            )

    emails = RecordingTransport(Channel.EMAIL)
    a_dispatcher(database, [emails], look, options=Options(now=now)).run_once()
    assert ends == [(True,)]


@pytest.mark.parametrize("table", ["message_logs", "flowctl.sends"])
def test_a_renewal_waits_for_no_row_that_is_locked(
    conn: Connection, database: str, table: str
) -> None:
    a_step(conn)
    a_lead(conn)
    a_lead(conn)
    run = Run(UUID(int=1), timedelta(minutes=1))
    ids = [row.id for row in claim_due(conn, run, Channel.EMAIL, batch_size=2)]
    begin_sends(conn)
    conn.execute("update flowctl.sends set claimed_by = %s", (run.id,))
    rows = f"select lease_until from {table} order by ctid"  # noqa: S608 - one of two
    before = [lease for (lease,) in conn.execute(rows.encode()).fetchall()]
    ((lead,), _) = messages(conn, "lead_id")
    with connect(database) as other, other.transaction():
        other.execute(f"select from {table} where lead_id = %s for update".encode(), (lead,))
        conn.execute("set lock_timeout = '1s'")
        renew_leases(conn, replace(run, lease=timedelta(hours=1)), ids)
    after = sorted(lease for (lease,) in conn.execute(rows.encode()).fetchall())
    assert after[0] in before
    assert after[1] > max(before)


def test_only_what_a_run_holds_is_renewed(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    own, other = (Run(UUID(int=number), timedelta(hours=1)) for number in (1, 2))
    (claimed,) = claim_due(conn, own, Channel.EMAIL, batch_size=1)
    conn.execute(
        "insert into flowctl.sends (message_id, lead_id, channel, transport, recipient, content,"
        " claimed_by, lease_until) select id, lead_id, 'email', 'smtp', 'ada@example.com', '',"
        " claimed_by, lease_until from message_logs"
    )
    leases = (
        "select m.lease_until, s.lease_until from message_logs m"
        " join flowctl.sends s on s.lead_id = m.lead_id and s.message_id = m.id"
    )
    before = conn.execute(leases).fetchall()
    renew_leases(conn, other, [claimed.id])
    assert conn.execute(leases).fetchall() == before
    renew_leases(conn, own, [claimed.id])
    ((message, send),) = conn.execute(leases).fetchall()
    assert message == send > before[0][0]
    release_claims(conn, own, [claimed.id])
    assert messages(conn, "claimed_by") == [(own.id,)]
