"""What others change between a claim and its begin: the begin waits for them, and looks again."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from flowctl.database import query
from flowctl.dispatch.events import Event, EventKind, Totals
from flowctl.dispatch.options import Options
from flowctl.model import Channel, Outcome, OutgoingMessage
from tests.support.dispatching import ACCEPTED, RecordingTransport, a_dispatcher, dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.locks import is_waited_for, waits_for_a_guard
from tests.support.postgres import Connection
from tests.support.waiting import until

BEGIN_SECOND = """
    insert into flowctl.sends (
      message_id, lead_id, flow_step_id, channel, transport, recipient, content, claimed_by,
      lease_until
    )
    select id, lead_id, flow_step_id, 'email', 'smtp', 'ada@example.com', '', claimed_by,
      lease_until
    from message_logs where subject = '2'
"""
"""What another dispatcher does that begins the second message, which it holds."""


@pytest.mark.usefixtures("either_begin")
def test_what_is_cancelled_while_it_is_begun_is_not_sent(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    emails = RecordingTransport(Channel.EMAIL)

    def cancel(event: Event) -> None:
        if event.kind is EventKind.CLAIMED:
            conn.execute("begin")
            conn.execute("update message_logs set status = 'cancelled'")

    dispatcher = a_dispatcher(database, [emails], cancel)
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(dispatcher.run_once)
        until(lambda: is_waited_for(conn))
        conn.execute("commit")
        run.result(60)
    assert emails.taken == []
    assert messages(conn, "status") == [("cancelled",)]


@pytest.mark.usefixtures("either_begin")
def test_a_claim_that_is_anothers_by_now_is_not_begun(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    emails = RecordingTransport(Channel.EMAIL)

    def hand_over(event: Event) -> None:
        if event.kind is EventKind.CLAIMED:
            conn.execute(
                "update message_logs set claimed_by = 'ffffffff-ffff-ffff-ffff-ffffffffffff'"
            )

    a_dispatcher(database, [emails], hand_over).run_once()
    assert emails.taken == []
    assert messages(conn, "status", "attempts") == [("pending", 0)]


@pytest.mark.parametrize("guard", [{"min_gap": "4 hours"}, {"dedupe_address": True}])
def test_what_is_guarded_since_its_claim_is_claimed_again(
    database: str, conn: Connection, guard: dict[str, Any]
) -> None:
    a_step(conn)
    a_lead(conn)
    emails = RecordingTransport(Channel.EMAIL)

    heard: list[EventKind] = []

    def set_guard(event: Event) -> None:
        heard.append(event.kind)
        if event.kind is EventKind.CLAIMED:
            a_flow(conn, **guard)

    a_dispatcher(database, [emails], set_guard).run_once()
    assert heard.count(EventKind.CLAIMED) == 2
    assert heard.count(EventKind.RELEASED) == len(emails.taken) == 1


def test_a_gap_alone_lets_one_dispatcher_at_a_time_decide(database: str, conn: Connection) -> None:
    a_flow(conn, min_gap="4 hours")
    a_step(conn, subject="1")
    a_step(conn, subject="2")
    lead = a_lead(conn)
    conn.execute(
        "update message_logs set claimed_by = 'ffffffff-ffff-ffff-ffff-ffffffffffff',"
        " lease_until = now() + interval '1 hour' where subject = '2'"
    )
    emails = RecordingTransport(Channel.EMAIL)
    with ThreadPoolExecutor(1) as threads:
        with conn.transaction():
            run = _begin_second(conn, lead, threads, database, emails)
        run.result(60)
    assert emails.taken == []


@pytest.mark.parametrize("other", ["lead", "channel", "flow", "step"])
def test_what_is_sent_to_another_holds_up_nothing(
    database: str, conn: Connection, other: str
) -> None:
    """Another lead, channel or flow, as to the gap; another step, as to the same address."""
    a_flow(conn, min_gap="4 hours", dedupe_address=other == "step")
    a_flow(conn, "second", min_gap="4 hours")
    a_step(conn, content="first")
    if other != "lead":
        a_step(
            conn,
            content="second",
            type="text" if other == "channel" else "email",
            flow="second" if other == "flow" else "default",
        )
    first = a_lead(conn)
    if other in ("lead", "step"):
        a_lead(conn, email="bob@example.com" if other == "lead" else "ada@example.com")
    wait = "update message_logs set scheduled_for = now() + interval '1 day' where not ({})"
    conn.execute(wait.format(f"lead_id = '{first}' and content = 'first'").encode())
    due = {
        "lead": "lead_id <> %s",
        "step": "lead_id <> %s and content = 'second'",
    }.get(other, "lead_id = %s and content = 'second'")
    second: list[str] = []

    def answer(_: OutgoingMessage) -> Outcome:
        conn.execute(
            f"update message_logs set scheduled_for = now() where {due}".encode(),  # noqa: S608
            (first,),
        )
        second.extend(m.text for m in dispatch_once(database).taken)
        return ACCEPTED

    dispatch_once(database, answer=answer, options=Options(limit=1))
    assert second == ["first" if other == "lead" else "second"]


def test_a_gap_does_not_count_what_was_sent_of_another_flow(
    database: str, conn: Connection
) -> None:
    a_flow(conn, min_gap="4 hours")
    a_flow(conn, "other", min_gap="4 hours")
    a_step(conn, flow="other")
    a_step(conn, subject="own", day=1)
    a_lead(conn)
    assert dispatch_once(database).totals.sent == 1
    conn.execute("update message_logs set scheduled_for = now() where subject = 'own'")
    assert [m.subject for m in dispatch_once(database).taken] == ["own"]


def _begin_second(
    conn: Connection,
    lead: UUID,
    threads: ThreadPoolExecutor,
    database: str,
    emails: RecordingTransport,
) -> Future[Totals]:
    """Begin the second message, and let a dispatcher start that waits to begin the first."""
    conn.execute(query("lock_guarded"), {"names": [f"lead {lead}"]})
    conn.execute(BEGIN_SECOND)
    run = threads.submit(a_dispatcher(database, [emails]).run_once)
    until(lambda: run.done() or waits_for_a_guard(conn))
    return run
