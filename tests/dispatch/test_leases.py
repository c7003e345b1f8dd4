"""A lease lasts as long as its dispatcher lives, and no longer."""

from datetime import timedelta
from threading import Event, Thread
from uuid import UUID

from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.options import Options
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.store.claims import renew_leases
from flowctl.store.runs import Run
from tests.support.dispatching import ACCEPTED, RecordingTransport, a_dispatcher, dispatch_once
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.sending import begin_sends
from tests.support.waiting import until

LEASE = timedelta(seconds=3)
LEASES = (
    "select min(send.lease_until), min(message.lease_until) from message_logs as message"
    " left join flowctl.sends as send"
    " on send.lead_id = message.lead_id and send.message_id = message.id"
)


class SlowProvider:
    """Takes messages, and answers once it is told to."""

    def __init__(self) -> None:
        self.begun = Event()
        self.may_answer = Event()

    def __call__(self, _: OutgoingMessage) -> Outcome:
        self.begun.set()
        self.may_answer.wait(60)
        return ACCEPTED


def running(dispatcher: Dispatcher) -> Thread:
    """A run in a thread of its own."""
    thread = Thread(target=dispatcher.run_once)
    thread.start()
    return thread


def test_a_send_takes_as_long_as_the_server_may(database: str, conn: Connection) -> None:
    """The first lease is over; a second dispatcher takes neither it nor what is claimed."""
    a_step(conn)
    a_lead(conn)
    a_lead(conn)
    slow = SlowProvider()
    emails = RecordingTransport(Channel.EMAIL, slow)
    dispatcher = a_dispatcher(database, [emails], options=Options(concurrency=1, lease=LEASE))
    run = running(dispatcher)
    assert slow.begun.wait(60)
    given = conn.execute(LEASES).fetchone()
    assert given is not None
    until(
        lambda: (
            conn.execute("select from message_logs where now() > %s and now() > %s", given).rowcount
            > 0
        )
    )
    assert dispatch_once(database, options=Options(lease=LEASE)).taken == []
    slow.may_answer.set()
    run.join()
    assert dispatcher.totals.sent == 2
    assert messages(conn, "status", "attempts") == [("sent", 1)] * 2
    assert len(emails.taken) == 2


def test_a_stop_gives_back_what_was_not_begun_before_it_waits_for_the_rest(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    a_lead(conn)
    slow = SlowProvider()
    emails = RecordingTransport(Channel.EMAIL, slow)
    dispatcher = a_dispatcher(database, [emails], options=Options(concurrency=1))
    run = running(dispatcher)
    assert slow.begun.wait(60)
    dispatcher.stop()
    until(lambda: dispatch_once(database).totals.sent == 1)
    slow.may_answer.set()
    run.join()
    assert dispatcher.totals.sent == 1
    assert messages(conn, "status", "attempts") == [("sent", 1)] * 2


def test_a_stop_is_told_to_a_transport_that_waits(database: str, conn: Connection) -> None:
    class Waiting(RecordingTransport):
        """Waits for a connection, until it is to stop."""

        is_stopping = Event()

        def stop(self) -> None:
            """Wait no more."""
            self.is_stopping.set()

    def answer(_: OutgoingMessage) -> Outcome:
        return Outcome(
            OutcomeKind.NOT_TRIED if emails.is_stopping.wait(60) else OutcomeKind.UNKNOWN
        )

    a_step(conn)
    a_lead(conn)
    emails = Waiting(Channel.EMAIL, answer)
    dispatcher = a_dispatcher(database, [emails])
    run = running(dispatcher)
    until(lambda: bool(emails.taken))
    dispatcher.stop()
    run.join()
    assert messages(conn, "status", "attempts") == [("pending", 0)]


def test_what_was_not_tried_is_due_as_it_was(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    ran = dispatch_once(database, answer=lambda _: Outcome(OutcomeKind.NOT_TRIED))
    assert (ran.totals.failed, ran.totals.stopped) == (0, {})
    assert messages(conn, "status", "attempts", "retry_at", "lease_until") == [
        ("pending", 0, None, None)
    ]
    assert dispatch_once(database).totals.sent == 1


def test_a_send_that_another_has_taken_over_is_not_renewed(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    begin_sends(conn)
    before = conn.execute(LEASES).fetchall()
    ids = [row[0] for row in messages(conn, "id")]
    renew_leases(conn, Run(UUID(int=1), timedelta(hours=1)), ids)
    assert conn.execute(LEASES).fetchall() == before
