"""``flowctl leads stop`` and ``resume``: a stop lasts, and can be undone."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.cli import RunFlowctl
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.locks import is_waited_for
from tests.support.postgres import Connection, connect
from tests.support.sending import begin_sends, hold_pending
from tests.support.waiting import until

NOWHERE = "00000000-0000-0000-0000-000000000000"


def statuses(conn: Connection, lead: object) -> list[tuple[str, str | None]]:
    """Status and cause of a lead's messages, by their planned time."""
    return conn.execute(
        "select status, cause from message_logs where lead_id = %s order by planned_for", (lead,)
    ).fetchall()


def test_a_stop_cancels_what_is_pending_of_that_lead(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    a_step(conn, day=1)
    lead = a_lead(conn)
    other = a_lead(conn)
    conn.execute(
        "update message_logs set status = 'sent', sent_at = now() "
        "where lead_id = %s and scheduled_for <= now()",
        (lead,),
    )
    ran = flowctl("leads", "stop", str(lead), "--reason", "asked by phone", "--json")
    assert (ran.exit_code, ran.json()) == (0, {"cancelled": 1})
    assert statuses(conn, lead) == [("sent", None), ("cancelled", "stopped")]
    assert statuses(conn, other) == [("pending", None), ("pending", None)]
    assert ("asked by phone",) in messages(conn, "error_message")
    again = flowctl("leads", "stop", str(lead))
    assert (again.exit_code, "was stopped already" in again.stdout) == (0, True)


def test_a_stopped_lead_gets_nothing_scheduled_by_any_way(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    lead = a_lead(conn)
    flowctl("leads", "stop", str(lead))
    a_flow(conn, "extra")
    a_step(conn, flow="extra", key="one")
    flowctl("leads", "enroll", "--flow", "extra", "--all", "--yes")
    flowctl("leads", "enroll", "--flow", "extra", str(lead), "--yes")
    conn.execute("select schedule_messages_for_lead(%s)", (lead,))
    assert statuses(conn, lead) == []
    flowctl("leads", "resume", str(lead))
    flowctl("leads", "enroll", "--flow", "extra", "--all", "--yes")
    assert statuses(conn, lead) == [("pending", None)]


def test_a_message_that_came_in_all_the_same_is_cancelled_at_the_claim(
    flowctl: RunFlowctl, conn: Connection, database: str
) -> None:
    a_step(conn)
    lead = a_lead(conn)
    flowctl("leads", "stop", str(lead))
    conn.execute("update message_logs set status = 'pending', cause = null")
    ran = dispatch_once(database)
    assert ran.taken == []
    assert statuses(conn, lead) == [("cancelled", "stopped")]


def test_a_resume_brings_back_what_lies_ahead_and_names_the_rest(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn, key="now")
    a_step(conn, key="tomorrow", day=1)
    lead = a_lead(conn)
    before = messages(conn, "id", "planned_for")
    flowctl("leads", "stop", str(lead))
    ran = flowctl("leads", "resume", str(lead), "--json")
    document = ran.json()
    assert document["restored"] == 1
    assert [(left["flow"], left["step"]) for left in document["left"]] == [("default", "now")]
    assert statuses(conn, lead) == [("cancelled", "stopped"), ("pending", None)]
    assert sorted(messages(conn, "id", "planned_for")) == sorted(before)
    assert conn.execute(
        "select scheduled_for = planned_for from message_logs where status = 'pending'"
    ).fetchone() == (True,)
    again = flowctl("leads", "resume", str(lead))
    assert (again.exit_code, again.stdout) == (0, "Ada is not stopped\n")


def test_what_was_cancelled_otherwise_is_not_brought_back(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn, day=1)
    lead = a_lead(conn)
    conn.execute(
        "update message_logs set status = 'cancelled', cause = 'by_hand', error_message = 'no'"
    )
    flowctl("leads", "stop", str(lead))
    assert flowctl("leads", "resume", str(lead), "--json").json() == {"restored": 0, "left": []}
    assert statuses(conn, lead) == [("cancelled", "by_hand")]


def test_a_stopped_leads_messages_are_not_retried(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, "other")
    a_step(conn)
    a_step(conn, flow="other")
    lead = a_lead(conn)
    free = a_lead(conn, email="bob@example.com")
    conn.execute("update message_logs set status = 'failed', error_message = '550 no'")
    flowctl("leads", "stop", str(lead), "--flow", "default")
    (stopped,) = conn.execute(
        "select m.id::text from message_logs m join flow_steps s on s.id = m.flow_step_id"
        " where m.lead_id = %s and s.flow = 'default'",
        (lead,),
    ).fetchall()
    by_id = flowctl("messages", "retry", *stopped, "--yes")
    assert by_id.exit_code == 3
    assert by_id.stderr.splitlines() == [
        f"error: message {stopped[0]}: its lead is stopped",
        "hint: flowctl leads resume LEAD lets the lead go on",
    ]
    flow = flowctl("messages", "retry", "--lead", str(lead), "--flow", "default", "--yes")
    assert (flow.exit_code, "leads resume" in flow.stderr) == (3, True)
    ran = flowctl("messages", "retry", "--status", "failed", "--yes", "--json")
    assert ran.json() == {"retried": 3, "left_out": {"its lead is stopped": 1}}
    assert [status for status, _ in statuses(conn, free)] == ["pending", "pending"]
    assert sorted(status for status, _ in statuses(conn, lead)) == ["failed", "pending"]


def test_one_flow_alone_can_be_stopped_and_resumed(flowctl: RunFlowctl, conn: Connection) -> None:
    for flow in ("one", "two"):
        a_flow(conn, flow)
        a_step(conn, flow=flow, key="k", day=1)
    lead = a_lead(conn)
    assert flowctl("leads", "stop", str(lead), "--flow", "one", "--json").json() == {"cancelled": 1}
    assert sorted(statuses(conn, lead)) == [("cancelled", "stopped"), ("pending", None)]
    assert (
        flowctl("leads", "resume", str(lead), "--flow", "two").stdout
        == "Ada is not stopped in two\n"
    )
    found = flowctl("leads", "resume", str(lead), "--flow", "one", "--json").json()
    assert found["restored"] == 1
    assert statuses(conn, lead) == [("pending", None)] * 2


def test_where_all_flows_are_stopped_one_cannot_be_resumed(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn, day=1)
    lead = a_lead(conn)
    flowctl("leads", "stop", str(lead))
    ran = flowctl("leads", "resume", str(lead), "--flow", "default")
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert "stopped in all flows" in ran.stderr
    assert f"hint: flowctl leads resume {lead}" in ran.stderr
    assert statuses(conn, lead) == [("cancelled", "stopped")]


def test_what_is_being_sent_is_not_stopped(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    lead = a_lead(conn)
    begin_sends(conn)
    ran = flowctl("leads", "stop", str(lead))
    assert ran.stdout == "Ada is stopped in all flows, 0 messages cancelled\n"
    assert "1 message being sent at this moment" in ran.stderr
    assert messages(conn, "status") == [("pending",)]


def test_a_send_that_begins_meanwhile_is_waited_for_and_left_alone(
    flowctl: RunFlowctl, conn: Connection, database: str
) -> None:
    """A dispatcher holds the message while it begins to send it: the stop waits, and sees it."""
    a_step(conn)
    lead = a_lead(conn)
    with ThreadPoolExecutor() as pool, connect(database) as dispatcher:
        with dispatcher.transaction():
            hold_pending(dispatcher, lead)
            stopping = pool.submit(flowctl, "leads", "stop", str(lead))
            until(lambda: is_waited_for(dispatcher))
            begin_sends(dispatcher)
        ran = stopping.result()
    assert "1 message being sent at this moment" in ran.stderr
    assert messages(conn, "status") == [("pending",)]


@pytest.mark.parametrize("verb", ["stop", "resume"])
def test_who_does_not_exist_is_named(flowctl: RunFlowctl, conn: Connection, verb: str) -> None:
    assert flowctl("leads", verb, NOWHERE).exit_code == 3
    lead = a_lead(conn)
    ran = flowctl("leads", verb, str(lead), "--flow", "defualt")
    assert (ran.exit_code, "did you mean 'default'?" in ran.stderr) == (3, True)


def test_a_deleted_lead_leaves_no_stop(flowctl: RunFlowctl, conn: Connection) -> None:
    lead = a_lead(conn)
    flowctl("leads", "stop", str(lead))
    conn.execute("delete from leads")
    assert conn.execute("select count(*) from flowctl.stops").fetchone() == (0,)


def test_a_step_that_is_not_there_has_no_leads(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, key="welcome")
    ran = flowctl("leads", "list", "--at", "welcom")
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert "error: no step is called 'welcom'\nhint: did you mean 'welcome'?" in ran.stderr
    assert flowctl("leads", "list", "--at", "welcome").exit_code == 0
