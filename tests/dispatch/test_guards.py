"""Everything that can stop a message is looked at when it is claimed and when it is begun."""

from datetime import timedelta

import pytest

from flowctl.dispatch.events import EventKind
from flowctl.dispatch.options import Options
from flowctl.model import Outcome, OutcomeKind, OutgoingMessage
from tests.support.dispatching import ACCEPTED, dispatch_once
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


@pytest.mark.parametrize("min_gap", [None, "1 hour"], ids=["plain", "guarded"])
def test_what_was_claimed_before_its_flow_was_paused_is_not_begun(
    database: str, conn: Connection, min_gap: str | None
) -> None:
    """It is given back, so that it goes out as soon as the flow is resumed."""
    a_flow(conn, min_gap=min_gap)
    a_step(conn)
    a_lead(conn)
    a_lead(conn)

    def pause_and_accept(_: OutgoingMessage) -> Outcome:
        a_flow(conn, paused_at=database_now(conn))
        return ACCEPTED

    ran = dispatch_once(database, answer=pause_and_accept, options=Options(concurrency=1))
    assert [event.kind for event in ran.events].count(EventKind.RELEASED) == 1
    assert sorted(messages(conn, "status", "claimed_by")) == [("pending", None), ("sent", None)]
    a_flow(conn, paused_at=None)
    assert dispatch_once(database).totals.sent == 1


def test_each_message_of_a_lead_that_left_is_cancelled_once(
    database: str, conn: Connection
) -> None:
    a_flow(conn, exit_when={"status": "won"})
    for _ in range(3):
        a_step(conn)
    a_step(conn, day=1)
    a_lead(conn, status="won")
    ran = dispatch_once(database)
    assert (ran.totals.cancelled, len({event.message_id for event in ran.events})) == (4, 4)
    assert set(messages(conn, "status", "cause")) == {("cancelled", "exit_rule")}


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
