"""Everything that can stop a message is looked at when it is claimed and when it is begun."""

from datetime import timedelta

import pytest

from flowctl.dispatch.options import Options
from flowctl.model import Outcome, OutcomeKind
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, database_now, messages
from tests.support.postgres import Connection


def test_what_is_due_is_sent_once_with_the_leads_values(database: str, conn: Connection) -> None:
    a_step(conn, subject="Hi {{ first_name }}")
    a_lead(conn)
    ran = dispatch_once(database)
    assert [(m.recipient, m.subject, m.text) for m in ran.taken] == [
        ("ada@example.com", "Hi Ada", "Hello Ada")
    ]
    assert messages(conn, "status", "subject", "content", "recipient", "attempts") == [
        ("sent", "Hi Ada", "Hello Ada", "ada@example.com", 1)
    ]
    assert dispatch_once(database).taken == []


def test_what_is_not_due_is_left_alone(database: str, conn: Connection) -> None:
    a_step(conn, day=1)
    a_lead(conn)
    ran = dispatch_once(database)
    assert ran.taken == []
    assert messages(conn, "status", "attempts", "claimed_by") == [("pending", 0, None)]


@pytest.mark.parametrize(
    ("change", "cause", "reason"),
    [
        ("update flow_steps set enabled = false", "off", "step is off"),
        ("update flows set enabled = false", "off", "flow is off"),
        (
            "update flow_steps set enabled = false; delete from flow_steps",
            "step_deleted",
            "step was deleted",
        ),
        (
            """update flows set exit_when = '{"status": "won"}'; update leads set status = 'won'""",
            "exit_rule",
            "lead left the flow (exit_when)",
        ),
        (
            """update flows set expire_after = '1 hour';
            update message_logs set scheduled_for = now() - interval '61 minutes'""",
            "expired",
            "expired: more than 01:00:00 late",
        ),
        (
            "insert into suppressions (channel, address) values ('email', ' ADA@example.com ')",
            "suppressed",
            "recipient is suppressed",
        ),
    ],
)
def test_a_message_is_cancelled_for(
    database: str, conn: Connection, change: str, cause: str, reason: str
) -> None:
    a_step(conn)
    a_lead(conn, email="Ada@example.com")
    for statement in change.split(";"):
        conn.execute(statement.encode())
    ran = dispatch_once(database)
    assert ran.taken == []
    assert messages(conn, "status", "cause", "error_message", "claimed_by") == [
        ("cancelled", cause, reason, None)
    ]


def test_a_deadline_counts_from_the_plan_and_not_from_where_a_window_put_the_message(
    database: str, conn: Connection
) -> None:
    planned = database_now(conn)
    a_step(conn)
    a_lead(conn)
    a_flow(
        conn,
        expire_after="2 hours",
        send_window={
            "start": (planned + timedelta(hours=13)).strftime("%H:%M"),
            "end": (planned + timedelta(hours=15)).strftime("%H:%M"),
        },
    )
    deferred = dispatch_once(database)
    assert deferred.totals.deferred == 1
    ((moved, planned_for),) = messages(conn, "scheduled_for", "planned_for")
    assert moved > planned + timedelta(hours=12)
    assert planned_for < planned + timedelta(minutes=1)
    ran = dispatch_once(database, options=Options(now=moved))
    assert (ran.taken, ran.totals.cancelled) == ([], 1)


def test_a_retry_does_not_move_the_deadline(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    ((planned_for,),) = messages(conn, "planned_for")
    later = Outcome(OutcomeKind.DEFERRED, "450", "later")
    assert dispatch_once(database, answer=lambda _: later).totals.retrying == 1
    assert messages(conn, "planned_for") == [(planned_for,)]
    a_flow(conn, expire_after="1 minute")
    ran = dispatch_once(database, options=Options(now=planned_for + timedelta(minutes=30)))
    assert (ran.taken, ran.totals.cancelled) == ([], 1)


def test_what_comes_due_in_a_paused_flow_waits(database: str, conn: Connection) -> None:
    a_flow(conn, "other")
    a_step(conn)
    a_step(conn, flow="other")
    a_flow(conn, paused_at=database_now(conn))
    a_lead(conn)
    planned = messages(conn, "planned_for")
    assert {event.flow for event in dispatch_once(database).events if event.flow} == {"other"}
    assert sorted(messages(conn, "status", "claimed_by")) == [("pending", None), ("sent", None)]
    assert messages(conn, "planned_for") == planned
    a_flow(conn, paused_at=None)
    assert dispatch_once(database).totals.sent == 1


def test_a_lead_that_leaves_takes_the_rest_of_that_flow_out(
    database: str, conn: Connection
) -> None:
    a_flow(conn, "other")
    a_flow(conn, exit_when={"status": "won"})
    a_step(conn)
    a_step(conn, day=3)
    a_step(conn, day=3, flow="other")
    a_lead(conn, status="won")
    a_lead(conn, status="new", email="bob@example.com")
    assert dispatch_once(database).totals.cancelled == 2
    assert sorted(m[0] for m in messages(conn, "status")) == [
        "cancelled", "cancelled", "pending", "pending", "pending", "sent",
    ]  # fmt: skip


def test_a_lead_is_deleted_while_its_message_waits(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("delete from leads")
    assert dispatch_once(database).taken == []
    assert messages(conn, "id") == []


@pytest.mark.parametrize(
    ("column", "value", "ending"),
    [
        ("email", None, ("cancelled", "lead has no email")),
        ("email", "  ", ("cancelled", "lead has no email")),
        ("email", "a@example.com, b@example.com", ("failed", "email")),
        ("phone", None, ("cancelled", "lead has no phone")),
        ("phone", "12", ("failed", "phone number")),
    ],
)
def test_a_lead_that_cannot_be_reached_is_alone_with_it(
    database: str, conn: Connection, column: str, value: str | None, ending: tuple[str, str]
) -> None:
    status, reason = ending
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn, **{column: value})
    a_lead(conn, email="bob@example.com", phone="+14155550124")
    ran = dispatch_once(database)
    assert (ran.totals.sent, getattr(ran.totals, status)) == (3, 1)
    (ended,) = [m for m in messages(conn, "status", "error_message", "attempts") if m[0] != "sent"]
    assert ended[0] == status
    assert reason in ended[1]
    assert ended[2] == 0


def test_texts_go_only_to_the_configured_countries(database: str, conn: Connection) -> None:
    a_step(conn, type="text")
    a_lead(conn, phone="+33612345678")
    ran = dispatch_once(database, environ={"FLOWCTL_TEXT_COUNTRIES": "US,CA"})
    assert ran.taken == []
    assert messages(conn, "status", "error_message") == [
        ("failed", "texts to FR are not allowed (FLOWCTL_TEXT_COUNTRIES)")
    ]


def test_a_national_number_needs_a_region(database: str, conn: Connection) -> None:
    a_step(conn, type="text")
    a_lead(conn, phone="(415) 555-0123")
    a_lead(conn, phone="(415) 555-0124")
    conn.execute(
        "update message_logs set scheduled_for = now() + '1 h' "
        "where lead_id = (select id from leads limit 1)"
    )
    assert dispatch_once(database).totals.failed == 1
    conn.execute("update message_logs set scheduled_for = now() where status = 'pending'")
    ran = dispatch_once(database, environ={"FLOWCTL_DEFAULT_REGION": "US"})
    assert [m.recipient[:8] for m in ran.taken] == ["+1415555"]


def test_a_message_outside_its_window_is_moved_to_it(database: str, conn: Connection) -> None:
    now = database_now(conn)
    opens = (now + timedelta(hours=2)).strftime("%H:%M")
    closes = (now + timedelta(hours=4)).strftime("%H:%M")
    a_step(conn)
    a_lead(conn)
    a_flow(conn, send_window={"start": opens, "end": closes})
    ran = dispatch_once(database)
    assert (ran.totals.deferred, ran.taken) == (1, [])
    ((status, scheduled_for, claimed_by),) = messages(conn, "status", "scheduled_for", "claimed_by")
    assert (status, claimed_by) == ("pending", None)
    assert scheduled_for.strftime("%H:%M:%S") == f"{opens}:00"
    assert timedelta() < scheduled_for - now <= timedelta(hours=2)
    later = Options(now=scheduled_for)
    ran = dispatch_once(database, options=later)
    assert [message.valid_for for message in ran.taken] == [timedelta(hours=2)]


def test_a_window_for_texts_lets_emails_through(database: str, conn: Connection) -> None:
    now = database_now(conn)
    a_flow(
        conn,
        send_window={
            "start": (now + timedelta(hours=2)).strftime("%H:%M"),
            "end": (now + timedelta(hours=4)).strftime("%H:%M"),
            "types": ["text"],
        },
    )
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn)
    conn.execute("update message_logs set scheduled_for = now()")
    ran = dispatch_once(database)
    assert [m.channel for m in ran.taken] == ["email"]
    assert ran.totals.deferred == 1


def test_two_messages_of_a_flow_keep_their_distance(database: str, conn: Connection) -> None:
    a_flow(conn, min_gap="4 hours")
    a_step(conn, subject="1")
    a_step(conn, subject="2")
    a_step(conn, type="text")
    a_lead(conn)
    ran = dispatch_once(database)
    assert sorted((m.channel, m.subject) for m in ran.taken) == [("email", "1"), ("text", None)]
    assert ran.totals.deferred == 1
    ((sent_at,),) = conn.execute("select sent_at from message_logs where subject = '1'").fetchall()
    ((moved,),) = conn.execute(
        "select scheduled_for from message_logs where subject = '2'"
    ).fetchall()
    assert moved == sent_at + timedelta(hours=4)
    assert len(dispatch_once(database, options=Options(now=moved)).taken) == 1


def test_a_gap_is_each_leads_and_flows_own(database: str, conn: Connection) -> None:
    a_flow(conn, min_gap="4 hours")
    a_flow(conn, "other", min_gap="4 hours")
    a_step(conn)
    a_step(conn, flow="other")
    a_lead(conn)
    a_lead(conn, email="bob@example.com")
    assert dispatch_once(database).totals.sent == 4


def test_one_address_gets_a_step_once_whatever_lead_it_is(database: str, conn: Connection) -> None:
    a_flow(conn, dedupe_address=True)
    a_step(conn)
    for number in range(40):
        a_lead(conn, email="ADA@example.com" if number % 2 else "ada@example.com")
    ran = dispatch_once(database)
    assert (ran.totals.sent, ran.totals.cancelled) == (1, 39)
    assert {m[0] for m in messages(conn, "error_message")} == {
        None, "already sent to this address through another lead",
    }  # fmt: skip


def test_what_waits_for_another_message_is_decided_in_the_same_run(
    database: str, conn: Connection
) -> None:
    a_flow(conn, dedupe_address=True, min_gap="4 hours")
    a_step(conn, subject="1")
    a_step(conn, subject="2")
    a_lead(conn)
    a_lead(conn, email="ADA@example.com")
    totals = dispatch_once(database).totals
    assert totals.sent + totals.cancelled + totals.deferred == 4
    assert conn.execute(
        "select count(*) from message_logs where status = 'pending' and scheduled_for <= now()"
    ).fetchone() == (0,)


def test_without_dedupe_every_lead_gets_its_step(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    a_lead(conn)
    assert dispatch_once(database).totals.sent == 2


def test_the_hourly_limit_holds_over_runs(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(8):
        a_lead(conn)
    environ = {"FLOWCTL_MAX_PER_HOUR": "5"}
    first = dispatch_once(database, environ=environ)
    assert (first.totals.sent, first.totals.is_limited) == (5, True)
    second = dispatch_once(database, environ=environ)
    assert (second.totals.sent, second.totals.is_limited) == (0, True)
    assert {m[0] for m in messages(conn, "claimed_by")} == {None}
    conn.execute("alter table message_logs disable trigger guard_sent_message")
    conn.execute("update message_logs set sent_at = sent_at - interval '61 minutes'")
    conn.execute("alter table message_logs enable trigger guard_sent_message")
    third = dispatch_once(database, environ=environ)
    assert (third.totals.sent, third.totals.is_limited) == (3, False)


def test_a_limit_ends_the_run(database: str, conn: Connection) -> None:
    a_step(conn)
    for _ in range(5):
        a_lead(conn)
    assert dispatch_once(database, options=Options(limit=2)).totals.sent == 2
    assert dispatch_once(database).totals.sent == 3
