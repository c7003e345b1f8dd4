"""What becomes of a message follows from its outcome, and from nothing else."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest

from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.options import Options
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from tests.support.dispatching import (
    ACCEPTED,
    RecordingTransport,
    TickingClock,
    a_dispatcher,
    dispatch_once,
)
from tests.support.factories import a_lead, a_step, database_now, messages
from tests.support.postgres import Connection

BUSY = Outcome(OutcomeKind.DEFERRED, "450 4.7.1", "greylisted")
REFUSED = Outcome(OutcomeKind.REFUSED, "21617", "too long")
GONE = Outcome(OutcomeKind.SUPPRESSED, "550 5.1.1", "no such user")
LOST = Outcome(OutcomeKind.UNKNOWN, detail="connection lost after the final dot")
NO_ACCOUNT = Outcome(OutcomeKind.CHANNEL_STOPPED, "535 5.7.8", "bad credentials", hint="SMTP_URL")


def test_a_transient_error_is_retried_after_growing_pauses(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    ((due,),) = messages(conn, "scheduled_for")
    now = database_now(conn)
    for attempt, minutes in enumerate((1, 4, 16, 60), start=1):
        ran = dispatch_once(database, answer=lambda _: BUSY, options=Options(now=now))
        assert ran.totals.retrying == 1
        ((status, attempts, scheduled_for, retry_at, error),) = messages(
            conn, "status", "attempts", "scheduled_for", "retry_at", "error_message"
        )
        assert (status, attempts, scheduled_for) == ("pending", attempt, due)
        assert error == "450 4.7.1 greylisted"
        pause = timedelta(minutes=minutes)
        assert pause * 0.8 <= retry_at - now <= pause * 1.2
        too_early = Options(now=retry_at - timedelta(seconds=1))
        assert dispatch_once(database, options=too_early).taken == []
        now = retry_at
    ran = dispatch_once(database, answer=lambda _: BUSY, options=Options(now=now))
    assert (ran.totals.failed, ran.totals.unknown) == (1, 0)
    assert messages(conn, "status", "attempts", "error_message") == [
        ("failed", 5, "gave up after 5 attempts: 450 4.7.1 greylisted")
    ]


def test_a_provider_that_names_a_pause_gets_it(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    wait = timedelta(minutes=42)
    now = database_now(conn)
    dispatch_once(
        database,
        answer=lambda _: Outcome(OutcomeKind.DEFERRED, "429", "slow down", retry_after=wait),
        options=Options(now=now),
    )
    ((retry_at,),) = messages(conn, "retry_at")
    assert retry_at >= now + wait


def test_a_success_after_a_retry_leaves_no_trace_of_the_error(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    dispatch_once(database, answer=lambda _: BUSY)
    dispatch_once(database, options=Options(now=database_now(conn) + timedelta(minutes=5)))
    assert messages(conn, "status", "attempts", "error_message", "retry_at") == [
        ("sent", 2, None, None)
    ]


def test_a_refused_message_fails_alone(database: str, conn: Connection) -> None:
    a_step(conn)
    for name in ("Ada", "Bob", "Eve"):
        a_lead(conn, first_name=name)
    ran = dispatch_once(database, answer=lambda m: REFUSED if "Bob" in m.text else ACCEPTED)
    assert (ran.totals.sent, ran.totals.failed) == (2, 1)
    assert ("failed", "21617 too long") in messages(conn, "status", "error_message")


def test_a_recipient_who_is_gone_is_suppressed_with_all_that_would_follow(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_step(conn, day=1)
    a_step(conn, day=1, type="text")
    a_lead(conn, email="Ada@Example.com")
    ran = dispatch_once(database, answer=lambda _: GONE)
    assert ran.totals.failed == 1
    assert messages(conn, "message_type", "status", "error_message") == [
        ("email", "failed", "550 5.1.1 no such user"),
        ("email", "cancelled", "recipient is suppressed"),
        ("text", "pending", None),
    ]
    rows = conn.execute("select channel, address, reason, source from suppressions").fetchall()
    assert rows == [("email", "ada@example.com", "550 5.1.1 no such user", "provider")]


def test_an_email_with_an_unknown_outcome_is_held_and_never_sent_again(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    ran = dispatch_once(database, answer=lambda _: LOST)
    assert (ran.totals.failed, ran.totals.unknown) == (1, 1)
    ((status, is_unknown, error, recipient),) = messages(
        conn, "status", "is_unknown", "error_message", "recipient"
    )
    assert (status, is_unknown, recipient) == ("failed", True, "ada@example.com")
    assert error == "unknown outcome: connection lost after the final dot"
    much_later = Options(now=database_now(conn) + timedelta(days=1))
    assert dispatch_once(database, options=much_later).taken == []


def test_an_account_error_stops_its_channel_and_fails_nothing(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_step(conn, type="text")
    for _ in range(30):
        a_lead(conn)
    ran = dispatch_once(
        database,
        answer=lambda m: NO_ACCOUNT if m.channel is Channel.EMAIL else ACCEPTED,
        options=Options(concurrency=4),
    )
    assert ran.totals.sent == 30
    assert ran.totals.failed == 0
    assert set(ran.totals.stopped) == {Channel.EMAIL}
    left = conn.execute(
        "select distinct status, attempts, claimed_by, lease_until, retry_at "
        "from message_logs where message_type = 'email'"
    ).fetchall()
    assert left == [("pending", 0, None, None, None)]
    assert len([m for m in ran.taken if m.channel is Channel.EMAIL]) <= 4
    assert dispatch_once(database).totals.sent == 30


def test_equal_refusals_in_a_row_stop_the_channel(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(20):
        a_lead(conn)
    ran = dispatch_once(database, answer=lambda _: REFUSED, options=Options(concurrency=1))
    assert ran.totals.failed == 5
    assert Channel.EMAIL in ran.totals.stopped
    assert dispatch_once(database).totals.sent == 15


@pytest.mark.parametrize(
    "answers",
    [
        lambda _: Outcome(OutcomeKind.REFUSED, "21211", blames_recipient=True),
        lambda number: Outcome(OutcomeKind.REFUSED, f"code {number}"),
        lambda number: REFUSED if number % 5 else ACCEPTED,
    ],
    ids=["of the recipients", "each different", "now and then accepted"],
)
def test_refusals_that_prove_nothing_do_not(
    database: str, conn: Connection, answers: Callable[[int], Outcome]
) -> None:
    a_step(conn)
    for _ in range(20):
        a_lead(conn)
    numbers = count(1)
    ran = dispatch_once(
        database, answer=lambda _: answers(next(numbers)), options=Options(concurrency=1)
    )
    assert ran.totals.stopped == {}
    assert ran.totals.sent + ran.totals.failed == 20


def test_an_exception_while_sending_concerns_one_message(database: str, conn: Connection) -> None:
    a_step(conn)
    for name in ("Ada", "Bob", "Eve"):
        a_lead(conn, first_name=name)

    def answer(message: OutgoingMessage) -> Outcome:
        if "Bob" in message.text:
            raise RuntimeError("a bug")
        return ACCEPTED

    ran = dispatch_once(database, answer=answer)
    assert (ran.totals.sent, ran.totals.failed, ran.totals.unknown) == (2, 1, 1)
    assert ("failed", "unknown outcome: internal error: RuntimeError") in messages(
        conn, "status", "error_message"
    )


@pytest.mark.parametrize(
    "content",
    [
        "{% for i in (1..100000) %}{% for j in (1..100000) %}x{% endfor %}{% endfor %}",
        "{{ first_name | divided_by: 0 }}",
        "{{ first_name | append: last_name | slice: 0, 0 }}",
    ],
    ids=["endless", "failing", "empty"],
)
def test_a_template_that_fails_concerns_its_messages(
    database: str, conn: Connection, content: str
) -> None:
    a_step(conn, content=content)
    a_step(conn, subject="fine")
    a_lead(conn)
    ran = dispatch_once(database)
    assert (ran.totals.sent, ran.totals.failed) == (1, 1)
    ((error, attempts),) = conn.execute(
        "select error_message, attempts from message_logs where status = 'failed'"
    ).fetchall()
    assert error.startswith("template: ")
    assert attempts == 0


def test_a_huge_name_is_cut_and_holds_up_nobody(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn, first_name="x" * 1_000_000)
    a_lead(conn)
    ran = dispatch_once(database)
    assert ran.totals.sent == 2
    assert all(len(message.text) < 200 for message in ran.taken)


def test_what_a_provider_says_is_kept_short_and_in_one_line(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    words = "\x1b[31mno\x00\r\n" + "x" * 5000
    dispatch_once(database, answer=lambda _: Outcome(OutcomeKind.REFUSED, "550", words))
    ((error,),) = messages(conn, "error_message")
    assert len(error) <= 500
    assert error.isprintable()


def test_late_messages_are_counted(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    now = database_now(conn) + timedelta(hours=5)
    totals = dispatch_once(database, options=Options(now=now)).totals
    assert totals.late == 1
    assert totals.latest > timedelta(hours=4, minutes=59)


def test_a_rate_spaces_sends(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(4):
        a_lead(conn)
    clock = TickingClock(0.01)
    begun: list[float] = []

    def note(event: Event) -> None:
        if event.kind is EventKind.BEGUN:
            begun.append(clock.now)

    emails = RecordingTransport(Channel.EMAIL)
    a_dispatcher(database, [emails], note, seconds_apart=0.2, clock=clock).run_once()
    assert len(emails.taken) == len(begun) == 4
    assert begun[-1] - begun[0] > 2 * 0.2


def test_an_address_that_cannot_be_suppressed_fails_its_message_and_holds_up_nothing(
    database: str, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    conn.execute("alter table suppressions add constraint odd check (address <> '+14155550111')")
    a_step(conn, type="text")
    for number in ("+14155550111", "+14155550112", "+14155550113"):
        a_lead(conn, phone=number)
    invalid = Outcome(OutcomeKind.SUPPRESSED, "21211", "invalid number")

    def answer(message: OutgoingMessage) -> Outcome:
        return ACCEPTED if message.recipient == "+14155550113" else invalid

    ran = dispatch_once(database, answer=answer)

    assert (ran.totals.sent, ran.totals.failed) == (1, 2)
    suppressed = conn.execute("select address from suppressions").fetchall()
    assert suppressed == [("+14155550112",)]
    ((message_id,),) = conn.execute(
        "select id::text from message_logs where recipient = '+14155550111'"
    ).fetchall()
    assert [record.getMessage() for record in caplog.records] == [
        f"message {message_id}: the database refuses to suppress its address (21211 invalid number)"
    ]
