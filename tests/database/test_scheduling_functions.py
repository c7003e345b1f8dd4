"""``schedule_messages_for_lead`` and ``enroll_lead``, for leads that are there already."""

from datetime import timedelta

import pytest

from tests.support.factories import a_flow, a_lead, a_step, count, database_now, messages
from tests.support.postgres import Connection


def test_scheduling_one_lead_adds_what_is_missing(conn: Connection) -> None:
    a_step(conn, subject="old")
    lead = a_lead(conn)
    call = "select schedule_messages_for_lead(%s)"
    assert conn.execute(call, (lead,)).fetchone() == (0,)
    a_step(conn, subject="new")
    a_step(conn, subject="draft", enabled=False)
    a_step(conn, subject="later", day=5)
    assert conn.execute(call, (lead,)).fetchone() == (2,)
    assert conn.execute(call, (lead,)).fetchone() == (0,)
    assert sorted(messages(conn, "subject")) == [("later",), ("new",), ("old",)]


def test_scheduling_one_lead_adds_nothing_behind_it(conn: Connection) -> None:
    lead = a_lead(conn, created_at=database_now(conn) - timedelta(days=3))
    a_step(conn, subject="behind", day=1)
    a_step(conn, subject="ahead", day=5)
    assert conn.execute("select schedule_messages_for_lead(%s)", (lead,)).fetchone() == (1,)
    assert messages(conn, "subject") == [("ahead",)]


@pytest.mark.parametrize("lead", [None, "00000000-0000-0000-0000-000000000000"])
def test_scheduling_nobody_adds_nothing(conn: Connection, lead: str | None) -> None:
    a_step(conn)
    assert conn.execute("select schedule_messages_for_lead(%s)", (lead,)).fetchone() == (0,)


def test_a_sent_failed_or_cancelled_message_is_not_scheduled_again(conn: Connection) -> None:
    a_step(conn)
    for status in ("sent", "failed", "cancelled"):
        lead = a_lead(conn)
        conn.execute("update message_logs set status = %s where lead_id = %s", (status, lead))
        assert conn.execute("select schedule_messages_for_lead(%s)", (lead,)).fetchone() == (0,)


def test_leads_enter_one_flow_or_all(conn: Connection) -> None:
    leads = [a_lead(conn, source=source) for source in ("web", "web", "phone")]
    a_flow(conn, "nurture", audience={"source": "web"})
    a_flow(conn, "off", enabled=False)
    for flow in ("default", "nurture", "off"):
        a_step(conn, flow=flow, subject=flow)
    enrol = "select flowctl.schedule_leads(%s::uuid[], %s)"
    assert conn.execute(enrol, (leads, "nurture")).fetchone() == (2,)
    assert conn.execute(enrol, (leads, "off")).fetchone() == (0,)
    assert conn.execute(enrol, (leads, "nowhere")).fetchone() == (0,)
    assert conn.execute(enrol, ([], None)).fetchone() == (0,)
    assert conn.execute(enrol, (leads[:2], None)).fetchone() == (2,)
    assert conn.execute(enrol, (leads, None)).fetchone() == (1,)


def test_a_lead_scheduled_by_a_trigger_of_the_users_is_scheduled_once(conn: Connection) -> None:
    conn.execute(
        b"create function theirs() returns trigger language plpgsql as $$ begin "
        b"perform schedule_messages_for_lead(new.id); return null; end $$; "
        b"create trigger theirs after insert on leads for each row execute function theirs()"
    )
    a_step(conn)
    a_lead(conn)
    assert count(conn) == 1
