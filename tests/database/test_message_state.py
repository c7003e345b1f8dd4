"""What steers messages is in columns, also in tables that an earlier version has filled."""

from datetime import timedelta

import pytest
from psycopg.errors import CheckViolation

from flowctl import migrate
from tests.support.factories import a_flow, a_lead, a_step, database_now, messages
from tests.support.postgres import Connection

BEFORE = """
drop view flowctl.free_messages;
drop trigger plan_message on message_logs;
drop trigger note_history on message_logs;
alter table message_logs
drop column planned_for, drop column is_unknown, drop column cause, drop column delivery_code;
alter table flows drop column paused_at;
delete from flowctl.routines where name in ('plan_message', 'note_history');
delete from flowctl.migrations where version >= 3
"""
"""Back to the schema whose state was in words."""


def test_the_plan_is_the_time_that_the_schedule_gave(conn: Connection) -> None:
    a_flow(conn, send_window={"start": "9:00 AM", "end": "5:00 PM", "days": ["mon"]})
    a_step(conn)
    a_step(conn, day=1, time="8:00 AM")
    a_lead(conn)
    rows = messages(conn, "planned_for", "scheduled_for")
    assert [planned for planned, _ in rows] == [due for _, due in rows]
    assert len(rows) == 2


def test_a_message_that_a_crm_inserts_is_planned_for_its_time(conn: Connection) -> None:
    step, lead = a_step(conn, enabled=False), a_lead(conn)
    now = database_now(conn)
    conn.execute(
        "insert into message_logs (lead_id, flow_step_id, message_type, content, scheduled_for)"
        " values (%s, %s, 'email', 'x', %s)",
        (lead, step, now + timedelta(days=1)),
    )
    assert messages(conn, "planned_for") == [(now + timedelta(days=1),)]


@pytest.mark.parametrize(
    ("status", "words", "is_unknown", "cause"),
    [
        ("failed", "unknown outcome: no answer", True, None),
        ("cancelled", "unknown outcome is no reason", False, None),
        ("cancelled", "lead left the flow (exit_when)", False, "exit_rule"),
        ("cancelled", "step is off", False, "off"),
        ("cancelled", "expired: more than 01:00:00 late", False, "expired"),
        ("cancelled", "already sent to this address through another lead", False, "duplicate"),
        ("failed", "lead has no phone", False, "no_address"),
        ("failed", "550 no such user", False, None),
        ("pending", "450 later", False, None),
        ("sent", None, False, None),
    ],
)
def test_what_an_earlier_version_said_in_words_becomes_columns(
    conn: Connection, status: str, words: str | None, is_unknown: bool, cause: str | None
) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("update message_logs set status = %s, error_message = %s", (status, words))
    conn.execute(BEFORE.encode())
    migrate.apply(conn)
    assert messages(conn, "is_unknown", "cause") == [(is_unknown, cause)]
    ((planned_for, scheduled_for),) = messages(conn, "planned_for", "scheduled_for")
    assert planned_for == scheduled_for


def test_columns_that_are_filled_stay_as_they_are_at_a_second_run(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute(
        "update message_logs set planned_for = scheduled_for - interval '1 day',"
        " status = 'cancelled', cause = 'stopped', error_message = 'step is off'"
    )
    before = messages(conn, "planned_for", "cause")
    conn.execute("delete from flowctl.migrations where version >= 3")
    migrate.apply(conn)
    assert messages(conn, "planned_for", "cause") == before


def test_a_cause_is_one_word_for_programs(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("update message_logs set cause = 'of_another_kind'")
    with pytest.raises(CheckViolation, match="message_logs_cause"):
        conn.execute("update message_logs set cause = 'a sentence'")
