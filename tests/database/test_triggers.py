"""Leads are scheduled as they are inserted, in their transaction, and never refused for it."""

from itertools import product

import psycopg
import pytest
from psycopg.errors import CheckViolation

from tests.support.factories import a_flow, a_lead, a_step, count, database_now, messages
from tests.support.postgres import Connection

MERGE = 15_00_00
"""The version from which there is ``merge``."""


def test_a_message_is_a_snapshot_of_its_step(conn: Connection) -> None:
    step = a_step(conn, subject="Hi {{ first_name }}", content="Hello, {{ first_name }}")
    text = a_step(conn, type="text", content="Soon", day=1)
    lead = a_lead(conn)
    conn.execute("update flow_steps set content = 'changed', subject = 'changed'")
    assert messages(conn, "lead_id", "flow_step_id", "message_type", "subject", "content") == [
        (lead, step, "email", "Hi {{ first_name }}", "Hello, {{ first_name }}"),
        (lead, text, "text", None, "Soon"),
    ]
    columns = ("status", "sent_at", "attempts", "recipient", "error_message")
    assert messages(conn, *columns) == [("pending", None, 0, None, None)] * 2


def test_a_lead_of_now_gets_its_first_message_now(conn: Connection) -> None:
    a_step(conn)
    with conn.transaction():
        now = database_now(conn)
        a_lead(conn)
        assert messages(conn, "scheduled_for") == [(now,)]


def test_every_enabled_step_of_every_enabled_flow_whose_audience_matches(conn: Connection) -> None:
    a_flow(conn, "off", enabled=False)
    a_flow(conn, "web", audience={"source": "web"})
    a_flow(conn, "phone", audience={"source": "phone"})
    for flow in ("default", "off", "web", "phone"):
        a_step(conn, flow=flow, subject=flow)
        a_step(conn, flow=flow, subject=f"{flow} off", enabled=False)
    a_lead(conn, source="web")
    assert sorted(messages(conn, "subject")) == [("default",), ("web",)]


def test_a_later_step_reaches_new_leads_only(conn: Connection) -> None:
    a_step(conn, subject="first")
    draft = a_step(conn, subject="enabled later", enabled=False)
    old = a_lead(conn)
    a_step(conn, subject="made later")
    conn.execute("update flow_steps set enabled = true where id = %s", (draft,))
    new = a_lead(conn)
    subjects = conn.execute("select lead_id, subject from message_logs order by 2").fetchall()
    assert subjects == [(new, "enabled later"), (old, "first"), (new, "first"), (new, "made later")]


def test_many_leads_in_one_statement(conn: Connection) -> None:
    for day in range(3):
        a_step(conn, day=day)
    conn.execute(
        "insert into leads (email) select n || '@example.com' from generate_series(1, 500) n"
    )
    assert count(conn) == 1500
    with conn.cursor().copy("copy leads (email) from stdin") as copy:
        for number in range(500):
            copy.write_row((f"copied-{number}@example.com",))
    assert count(conn) == 3000
    assert conn.execute(
        "select count(distinct (lead_id, flow_step_id)) from message_logs"
    ).fetchone() == (3000,)


def test_leads_of_one_statement_have_each_their_own_schedule(conn: Connection) -> None:
    """One that is worked out for leads alike holds for no lead that differs in what counts."""
    a_flow(conn, "web", audience={"source": "web", "status": None}, timezone="Asia/Tokyo")
    for flow in ("default", "web"):
        a_step(conn, flow=flow, type="text", day=1, time="9:00 AM", time_type="specific")
        a_step(conn, flow=flow)
    rows = list(
        product(
            ("web", "phone", None),
            ("new", None),
            ("Europe/Berlin", "europe/berlin ", "Mars", None),
            (None, "2024-05-01 12:00+00", "2999-01-01 00:00+00", "infinity"),
            ("Ada", "Bob"),
        )
    )
    columns = "source, status, timezone, created_at, first_name"
    with conn.transaction():
        conn.cursor().executemany(
            f"insert into leads ({columns}) values (%s, %s, %s, %s, %s)",  # noqa: S608
            rows,
        )
        conn.execute(
            f"insert into leads ({columns}, last_name)"  # noqa: S608
            f" select {columns}, 'together' from leads order by random()"
        )
    planned = """
        select lead.source, lead.status, lead.timezone, lead.created_at::text, lead.first_name,
          step.flow, step.step_order, message.scheduled_for::text, message.planned_for::text
        from message_logs as message
        inner join leads as lead on lead.id = message.lead_id
        inner join flow_steps as step on step.id = message.flow_step_id
        where (lead.last_name is null) = %s
    """
    alone, together = (
        sorted(conn.execute(planned, (is_alone,)).fetchall(), key=str) for is_alone in (True, False)
    )
    assert len(alone) > len(rows)
    assert together == alone


def test_an_upsert_schedules_what_it_inserts(conn: Connection) -> None:
    a_step(conn)
    old = a_lead(conn)
    conn.execute("delete from message_logs")
    new = conn.execute(
        "insert into leads (id, email) values (%s, 'x'), (gen_random_uuid(), 'y') "
        "on conflict (id) do update set email = excluded.email returning id",
        (old,),
    ).fetchall()
    assert messages(conn, "lead_id") == [new[1]]
    conn.execute("insert into leads (id) values (%s) on conflict do nothing", (old,))
    assert count(conn) == 1


def test_a_merge_schedules_what_it_inserts(conn: Connection) -> None:
    if conn.info.server_version < MERGE:
        pytest.skip("merge came with PostgreSQL 15")
    a_step(conn)
    old = a_lead(conn)
    conn.execute("delete from message_logs")
    conn.execute(
        "merge into leads using (values (%s::uuid), (gen_random_uuid())) as given (id) "
        "on leads.id = given.id when matched then update set source = 'known' "
        "when not matched then insert (id, source) values (given.id, 'new')",
        (old,),
    )
    [(lead,)] = messages(conn, "lead_id")
    assert lead != old


def test_a_lead_is_scheduled_as_a_trigger_of_the_users_has_left_it(conn: Connection) -> None:
    a_flow(conn, "won", audience={"status": "won"})
    a_step(conn, flow="won", day=1, time="9:00 AM")
    conn.execute(
        """
        create function enrich() returns trigger language plpgsql as $$
        begin
          update leads set timezone = 'Asia/Tokyo', status = 'won' where id = new.id;
          return null;
        end;
        $$;
        create trigger enrich after insert on leads for each row execute function enrich();
        """
    )
    a_lead(conn, timezone="America/New_York", status="new")
    times = conn.execute(
        "select (scheduled_for at time zone 'Asia/Tokyo')::time::text from message_logs"
    ).fetchall()
    assert times == [("09:00:00",)]


def test_what_was_sent_is_deleted_with_its_lead_and_not_before(conn: Connection) -> None:
    a_step(conn)
    lead = a_lead(conn)
    conn.execute("update message_logs set status = 'sent', sent_at = now()")
    with pytest.raises(CheckViolation, match="was sent and cannot be deleted"):
        conn.execute("delete from message_logs where status = 'sent'")
    conn.execute("delete from leads where id = %s", (lead,))
    assert count(conn) == 0


def test_a_rollback_takes_lead_and_messages(conn: Connection) -> None:
    a_step(conn)
    with conn.transaction(force_rollback=True):
        a_lead(conn)
        with conn.transaction(force_rollback=True):
            a_lead(conn)
            assert count(conn) == 2
        assert count(conn) == 1
    assert (count(conn), count(conn, "leads")) == (0, 0)


def test_deleting_a_lead_deletes_its_messages(conn: Connection) -> None:
    a_step(conn)
    lead = a_lead(conn)
    other = a_lead(conn)
    conn.execute(
        "update message_logs set status = 'sent', sent_at = now() where lead_id = %s", (lead,)
    )
    conn.execute("delete from leads where id = %s", (lead,))
    assert messages(conn, "lead_id") == [(other,)]


def test_a_lead_and_a_step_meet_once(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    for status in ("pending", "failed", "cancelled", "sent"):
        conn.execute("update message_logs set status = %s", (status,))
        with pytest.raises(psycopg.errors.UniqueViolation):
            conn.execute(
                "insert into message_logs "
                "(lead_id, flow_step_id, message_type, content, scheduled_for) "
                "select lead_id, flow_step_id, message_type, content, now() from message_logs"
            )
