"""Somebody changes a message while it is being sent: what was done to it stays true."""

import pytest

from flowctl.dispatch.events import EventKind
from flowctl.dispatch.options import Options
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from tests.support.crashing import Death
from tests.support.dispatching import ACCEPTED, dispatch_once
from tests.support.factories import a_lead, a_step, messages
from tests.support.invariants import let_leases_pass
from tests.support.mortal import Life, dispatch_mortally
from tests.support.postgres import Connection
from tests.support.recording import RecordingProvider

LOST = Outcome(OutcomeKind.UNKNOWN, detail="connection lost after the final dot")
REFUSED = Outcome(OutcomeKind.REFUSED, "550 5.7.1", "no")

CANCEL = "update message_logs set status = 'cancelled', error_message = 'cancelled by hand'"
RETRY = (
    "update message_logs set status = 'pending', error_message = null, retry_at = null, "
    "claimed_by = null, lease_until = null"
)


@pytest.mark.parametrize("changes", [[CANCEL], [CANCEL, RETRY]], ids=["cancelled", "and retried"])
@pytest.mark.parametrize(
    ("outcome", "ends"),
    [
        (ACCEPTED, ("sent", None)),
        (LOST, ("failed", "unknown outcome: connection lost after the final dot")),
    ],
    ids=["accepted", "unknown"],
)
def test_what_was_or_may_have_been_accepted_is_written_and_not_sent_again(
    database: str,
    conn: Connection,
    changes: list[str],
    outcome: Outcome,
    ends: tuple[str, str | None],
) -> None:
    a_step(conn)
    a_lead(conn)

    def change_and_answer(_: OutgoingMessage) -> Outcome:
        for change in changes:
            conn.execute(change.encode())
        return outcome

    ran = dispatch_once(database, answer=change_and_answer)
    assert len(ran.taken) == 1
    assert messages(conn, "status", "error_message") == [ends]
    assert dispatch_once(database).taken == []


def test_what_was_refused_stays_cancelled(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)

    def cancel_and_refuse(_: OutgoingMessage) -> Outcome:
        conn.execute(CANCEL.encode())
        return REFUSED

    dispatch_once(database, answer=cancel_and_refuse)
    assert messages(conn, "status", "error_message") == [("cancelled", "cancelled by hand")]
    assert conn.execute("select from flowctl.sends").fetchall() == []


def test_what_was_refused_and_is_tried_again_by_hand_is_due(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)

    def retry_and_refuse(_: OutgoingMessage) -> Outcome:
        for change in (CANCEL, RETRY):
            conn.execute(change.encode())
        return REFUSED

    dispatch_once(database, answer=retry_and_refuse, options=Options(limit=1))
    assert messages(conn, "status", "error_message") == [("pending", None)]
    assert dispatch_once(database).totals.sent == 1


def test_a_lead_that_is_deleted_while_its_message_is_sent_leaves_nothing(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)

    def delete_and_accept(_: OutgoingMessage) -> Outcome:
        conn.execute("delete from leads")
        return ACCEPTED

    assert dispatch_once(database, answer=delete_and_accept).totals.sent == 1
    assert messages(conn, "id") == []
    assert conn.execute("select from flowctl.sends").fetchall() == []


@pytest.mark.parametrize(("outcome", "status"), [(ACCEPTED, "sent"), (REFUSED, "failed")])
def test_a_step_that_is_deleted_while_it_is_sent_keeps_what_became_of_it(
    database: str, conn: Connection, outcome: Outcome, status: str
) -> None:
    a_step(conn, content="Hello Ada")
    a_lead(conn)

    def delete_and_answer(_: OutgoingMessage) -> Outcome:
        conn.execute("delete from flow_steps")
        return outcome

    dispatch_once(database, answer=delete_and_answer)
    assert messages(conn, "status", "flow_step_id", "content") == [(status, None, "Hello Ada")]


def test_what_was_cancelled_before_its_dispatcher_died_may_have_gone_out(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    emails = RecordingProvider(Channel.EMAIL)
    dispatch_mortally(database, [emails], Life(Death(EventKind.BEGUN, 1)), concurrency=1)
    conn.execute(CANCEL)
    let_leases_pass(conn)
    assert dispatch_once(database).totals.unknown == 1
    assert messages(conn, "status", "is_unknown") == [("failed", True)]
