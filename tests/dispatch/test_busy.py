"""What waits for another message stays with the run as long as that run may make room for it."""

from threading import Event as Flag

from flowctl.dispatch.events import Event, EventKind
from flowctl.model import Channel, Outcome, OutgoingMessage
from tests.support.dispatching import ACCEPTED, RecordingTransport, a_dispatcher, dispatch_once
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.postgres import Connection


def test_it_stays_while_what_it_waits_for_is_in_flight(database: str, conn: Connection) -> None:
    a_flow(conn, dedupe_address=True)
    a_step(conn)
    for address in ("ada@example.com", "ADA@example.com", "bob@example.com"):
        a_lead(conn, email=address)
    is_bob_recorded = Flag()

    def answer_bob_first(message: OutgoingMessage) -> Outcome:
        if message.recipient != "bob@example.com":
            is_bob_recorded.wait(60)
        return ACCEPTED

    def observe(event: Event) -> None:
        if event.kind is EventKind.SENT:
            is_bob_recorded.set()

    emails = RecordingTransport(Channel.EMAIL, answer_bob_first)
    totals = a_dispatcher(database, [emails], observe).run_once()
    assert (totals.sent, totals.cancelled, totals.deferred) == (2, 1, 0)


def test_it_goes_in_the_same_run_where_the_other_was_put_off(
    database: str, conn: Connection
) -> None:
    a_flow(conn, dedupe_address=True, min_gap="4 hours")
    a_step(conn)
    a_step(conn, subject="second", day=1)
    first = a_lead(conn)
    assert dispatch_once(database).totals.sent == 1
    a_lead(conn, email="ADA@example.com")
    conn.execute("delete from message_logs where status = 'pending' and subject <> 'second'")
    conn.execute(
        "update message_logs set scheduled_for = now() - interval '1 hour' * (lead_id = %s)::int"
        " where subject = 'second'",
        (first,),
    )
    totals = dispatch_once(database).totals
    assert (totals.sent, totals.deferred) == (1, 1)
