"""Messages that are due at the same time go out in the order of their steps."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import pytest

from flowctl.dispatch.events import EventKind
from flowctl.dispatch.options import Options
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from tests.support.crashing import Death
from tests.support.dispatching import ACCEPTED, dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.invariants import add_leads, let_leases_pass
from tests.support.mortal import Life, dispatch_mortally
from tests.support.postgres import Connection
from tests.support.recording import LOST_BEFORE, RecordingProvider

DEFERRED = Outcome(OutcomeKind.DEFERRED, "450", "later")
REFUSED = Outcome(OutcomeKind.REFUSED, "550", "no", blames_recipient=True)


def by_lead(taken: Iterable[OutgoingMessage]) -> dict[str, list[str | None]]:
    """The subjects that each lead was sent, in order."""
    found: defaultdict[str, list[str | None]] = defaultdict(list)
    for message in taken:
        found[message.lead_id].append(message.subject)
    return found


def three_steps(conn: Connection, **columns: object) -> None:
    for subject in "123":
        a_step(conn, subject=subject, **columns)


@pytest.mark.parametrize("concurrency", [1, 3, 40])
def test_every_lead_gets_what_is_due_at_once_in_the_order_of_the_steps(
    database: str, conn: Connection, concurrency: int
) -> None:
    three_steps(conn)
    add_leads(conn, 60)
    taken = dispatch_once(database, options=Options(concurrency=concurrency)).taken
    assert list(by_lead(taken).values()) == [["1", "2", "3"]] * 60


def test_a_late_step_goes_before_a_later_one_that_was_due_before_it(
    database: str, conn: Connection
) -> None:
    three_steps(conn)
    add_leads(conn, 20)
    conn.execute(
        "update message_logs set scheduled_for = now() - subject::integer * interval '1 hour'"
    )
    taken = dispatch_once(database, options=Options(concurrency=2)).taken
    assert list(by_lead(taken).values()) == [["1", "2", "3"]] * 20


@pytest.mark.parametrize(
    ("outcome", "goes_on"), [(DEFERRED, True), (REFUSED, True), (ACCEPTED, True)]
)
def test_what_waits_for_a_retry_or_failed_holds_up_nothing(
    database: str, conn: Connection, outcome: Outcome, goes_on: bool
) -> None:
    three_steps(conn)
    a_lead(conn)
    taken = dispatch_once(
        database, answer=lambda m: outcome if m.subject == "1" else ACCEPTED
    ).taken
    assert (by_lead(taken).popitem()[1] == ["1", "2", "3"]) is goes_on


def test_a_text_that_is_to_be_looked_up_holds_up_nothing(database: str, conn: Connection) -> None:
    a_step(conn, type="text", content="1")
    a_step(conn, type="text", content="2")
    a_lead(conn)
    texts = RecordingProvider(Channel.TEXT, lambda m: LOST_BEFORE if m.text == "1" else ACCEPTED)
    dispatch_mortally(database, [texts], Life(None), concurrency=3)
    assert [taken.message.text for taken in texts.taken] == ["2"]


def test_channels_and_flows_do_not_wait_for_each_other(database: str, conn: Connection) -> None:
    a_flow(conn, "other")
    a_step(conn, type="text", content="1")
    a_step(conn, subject="2")
    a_step(conn, subject="1", flow="other")
    a_lead(conn)
    begun: list[str] = []

    def answer(message: OutgoingMessage) -> Outcome:
        begun.append(message.channel)
        return ACCEPTED

    dispatch_once(database, answer=answer)
    assert sorted(begun) == ["email", "email", "text"]


def test_an_earlier_step_of_another_flow_holds_up_nothing(database: str, conn: Connection) -> None:
    a_flow(conn, "other")
    a_step(conn, subject="held by another", flow="other")
    a_step(conn, subject="1")
    a_step(conn, subject="2")
    a_lead(conn)
    conn.execute(
        "update message_logs set lease_until = now() + interval '1 hour'"
        " where subject = 'held by another'"
    )
    conn.execute("update message_logs set retry_at = now() + interval '1 hour' where subject = '1'")
    assert [m.subject for m in dispatch_once(database).taken] == ["2"]


def while_first_is_sent(
    database: str, conn: Connection, meanwhile: Callable[[], object]
) -> list[str | None]:
    """What a dispatcher sent that runs while another one sends step 1, which it holds alone."""
    three_steps(conn)
    a_lead(conn)
    conn.execute(
        "update message_logs set scheduled_for = now() + interval '1 day' where subject <> '1'"
    )
    sent: list[str | None] = []

    def answer(message: OutgoingMessage) -> Outcome:
        if message.subject == "1":
            conn.execute("update message_logs set scheduled_for = now() where subject <> '1'")
            meanwhile()
            sent.extend(m.subject for m in dispatch_once(database).taken)
        return ACCEPTED

    dispatch_once(database, answer=answer)
    return sent


def test_what_another_dispatcher_is_sending_is_waited_for(database: str, conn: Connection) -> None:
    assert while_first_is_sent(database, conn, lambda: None) == []
    # given back for a while: due all the time, and held
    assert set(messages(conn, "status", "retry_at")) == {("sent", None), ("pending", None)}
    let_leases_pass(conn)
    assert [m.subject for m in dispatch_once(database).taken] == ["2", "3"]


def test_what_waits_for_another_dispatcher_holds_up_what_comes_after_it(
    database: str, conn: Connection
) -> None:
    while_first_is_sent(database, conn, lambda: None)
    conn.execute("update message_logs set lease_until = null where subject = '3'")
    assert dispatch_once(database).taken == []


@pytest.mark.parametrize("kind", [EventKind.CLAIMED, EventKind.BEGUN])
def test_the_next_dispatcher_waits_for_the_lease_of_a_dead_one(
    database: str, conn: Connection, kind: EventKind
) -> None:
    three_steps(conn)
    a_lead(conn)
    emails = RecordingProvider(Channel.EMAIL)
    dispatch_mortally(database, [emails], Life(Death(kind, 1)), concurrency=1)
    conn.execute("update message_logs set lease_until = null where subject <> '1'")
    assert dispatch_once(database).taken == []
    let_leases_pass(conn)
    expected = ["1", "2", "3"] if kind is EventKind.CLAIMED else ["2", "3"]
    assert [m.subject for m in dispatch_once(database).taken] == expected


def test_a_gap_counts_in_the_order_of_the_steps(database: str, conn: Connection) -> None:
    a_flow(conn, min_gap="1 hour")
    three_steps(conn)
    a_lead(conn)
    conn.execute(
        "update message_logs set scheduled_for = now() - interval '2 hours' where subject = '3'"
    )
    sent: list[str | None] = []
    for _ in range(3):
        sent += [m.subject for m in dispatch_once(database).taken]
        conn.execute("alter table message_logs disable trigger guard_sent_message")
        conn.execute(
            "update message_logs set sent_at = sent_at - interval '1 hour', scheduled_for = now()"
        )
        conn.execute("alter table message_logs enable trigger guard_sent_message")
    assert sent == ["1", "2", "3"]
