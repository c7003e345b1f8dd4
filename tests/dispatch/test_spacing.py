"""Windows, gaps and limits move or hold what is due; one address gets a step once."""

from datetime import timedelta

from flowctl.dispatch.options import Options
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, database_now, messages
from tests.support.postgres import Connection


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


def test_a_limit_is_of_both_channels_together(database: str, conn: Connection) -> None:
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn)
    assert dispatch_once(database, options=Options(limit=1)).totals.sent == 1
