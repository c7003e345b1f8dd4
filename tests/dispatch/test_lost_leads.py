"""Messages whose lead is gone, and messages that never had a step."""

import pytest

from flowctl.errors import DatabaseUnavailable
from tests.support.dispatching import dispatch_once
from tests.support.distributed import on_one_machine
from tests.support.factories import a_flow, a_lead, a_step, database_now, messages
from tests.support.postgres import Connection, connect


def lose(conn: Connection, email: str) -> None:
    """Delete a lead as a restore or replication may: without its foreign key."""
    conn.execute("set session_replication_role = replica")
    conn.execute("delete from leads where email = %s", (email,))
    conn.execute("reset session_replication_role")


@on_one_machine("a node deletes what belongs to a lead, whatever the session says")
def test_a_message_whose_lead_is_gone_is_cancelled_and_all_others_go(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    for name in ("ada", "bob", "cy"):
        a_lead(conn, email=f"{name}@example.com")
    lose(conn, "bob@example.com")
    ran = dispatch_once(database)
    assert sorted(message.recipient for message in ran.taken) == [
        "ada@example.com",
        "cy@example.com",
    ]
    assert (ran.totals.sent, ran.totals.cancelled) == (2, 1)
    assert ("cancelled", "lead_deleted", "lead was deleted") in messages(
        conn, "status", "cause", "error_message"
    )


def test_a_role_that_sees_no_leads_is_told_and_no_message_is_cancelled(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    with connect(database) as role:
        ((name,),) = role.execute("select current_user").fetchall()
    conn.execute("drop policy if exists flowctl_dispatcher on leads")
    if name != "flowctl_dispatcher":
        # the owner of the table needs no policy
        assert dispatch_once(database).totals.sent == 1
        return
    with pytest.raises(DatabaseUnavailable, match="cannot read all leads"):
        dispatch_once(database)
    assert messages(conn, "status", "claimed_by") == [("pending", None)]


def test_a_message_without_a_step_is_sent_as_it_stands_with_no_flows_settings(
    database: str, conn: Connection
) -> None:
    a_flow(
        conn,
        enabled=False,
        paused_at=database_now(conn),
        min_gap="1 day",
        expire_after="1 hour",
        exit_when={"first_name": "Ada"},
    )
    lead = a_lead(conn)
    for subject in ("Your invoice, {{ first_name }}", "Your receipt"):
        conn.execute(
            "insert into message_logs (lead_id, message_type, subject, content, scheduled_for)"
            " values (%s, 'email', %s, 'see below', now() - interval '2 days')",
            (lead, subject),
        )
    ran = dispatch_once(database)
    assert sorted(str(m.subject) for m in ran.taken) == ["Your invoice, Ada", "Your receipt"]
    assert messages(conn, "status", "is_own") == [("sent", True)] * 2


def test_a_message_whose_step_is_gone_is_not_taken_for_one_without_a_step(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("update message_logs set flow_step_id = null")
    assert dispatch_once(database).taken == []
    assert messages(conn, "status", "cause", "error_message") == [
        ("cancelled", "step_deleted", "step was deleted")
    ]


def test_a_suppressed_address_gets_no_message_of_the_crms_either(
    database: str, conn: Connection
) -> None:
    lead = a_lead(conn)
    conn.execute("insert into suppressions (channel, address) values ('email', 'ada@example.com')")
    conn.execute(
        "insert into message_logs (lead_id, message_type, subject, content, scheduled_for)"
        " values (%s, 'email', 'x', 'x', now())",
        (lead,),
    )
    assert dispatch_once(database).taken == []
    assert messages(conn, "cause") == [("suppressed",)]
