"""What the doctor finds of the schema: version, triggers, functions, constraints, indexes."""

import pytest

from flowctl import migrate
from flowctl.doctor import Grade
from tests.support.doctor import Examine, examined, faults, the
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection


def test_an_older_schema_is_named_with_its_command(conn: Connection, doctor: Examine) -> None:
    conn.execute("update flowctl.routines set checksum = 'x' where name = 'time_of_day'")
    check = the(doctor(), "schema")
    assert check.status is Grade.FAULT
    assert check.hint == "run: flowctl apply-schema"


def test_a_newer_schema_is_named(conn: Connection, doctor: Examine) -> None:
    conn.execute("insert into flowctl.migrations values (9999, '9999_later')")
    check = the(doctor(), "schema")
    assert check.status is Grade.NOTE
    assert "newer than this flowctl" in check.detail


def test_a_database_without_the_schema_is_not_looked_at_further(empty_database: str) -> None:
    found = examined(empty_database)
    assert faults(found) == {"schema"}
    assert "triggers" not in found


def test_a_missing_trigger_is_a_fault(conn: Connection, doctor: Examine) -> None:
    conn.execute("drop trigger auto_schedule_messages on leads")
    check = the(doctor(), "triggers")
    assert (check.status, check.detail) == (
        Grade.FAULT,
        "auto_schedule_messages on public.leads is missing",
    )


def test_what_to_type_for_a_missing_trigger_brings_it_back(
    conn: Connection, doctor: Examine
) -> None:
    conn.execute("drop trigger auto_schedule_messages on leads")
    statement, _, command = the(doctor(), "triggers").hint.partition(" and then: ")
    assert command == "flowctl apply-schema"
    conn.execute(statement.encode())
    migrate.apply(conn)
    assert the(doctor(), "triggers").status is Grade.OK


@pytest.mark.parametrize(
    ("table", "trigger"),
    [
        ("leads", "auto_schedule_messages"),
        ("message_logs", "guard_sent_message"),
        ("flow_steps", "check_step"),
    ],
)
def test_a_trigger_that_is_off_is_a_fault(
    conn: Connection, doctor: Examine, table: str, trigger: str
) -> None:
    conn.execute(f"alter table {table} disable trigger {trigger}".encode())
    check = the(doctor(), "triggers")
    assert check.status is Grade.FAULT
    conn.execute(check.hint.encode())
    assert the(doctor(), "triggers").status is Grade.OK


def test_another_trigger_that_schedules_is_a_fault(conn: Connection, doctor: Examine) -> None:
    conn.execute(
        """create function mine() returns trigger language plpgsql as
        'begin perform public.schedule_messages_for_lead(new.id); return new; end'"""
    )
    conn.execute("create trigger mine after insert on leads for each row execute function mine()")
    check = the(doctor(), "triggers")
    assert check.detail == "mine on public.leads schedules messages too"
    conn.execute(check.hint.encode())
    assert the(doctor(), "triggers").status is Grade.OK


def test_a_trigger_of_the_users_own_is_nobodys_business(conn: Connection, doctor: Examine) -> None:
    conn.execute(
        "create function mine() returns trigger language plpgsql as 'begin return new; end'"
    )
    conn.execute("create trigger mine before insert on leads for each row execute function mine()")
    assert the(doctor(), "triggers").status is Grade.OK


def test_a_function_that_was_replaced_is_a_fault(conn: Connection, doctor: Examine) -> None:
    conn.execute(
        """create or replace function public.auto_schedule_messages() returns trigger
        language plpgsql as 'begin return null; end'"""
    )
    found = doctor()
    assert the(found, "functions").detail == "public.auto_schedule_messages is not ours"
    assert the(found, "function rights").detail == (
        "auto_schedule_messages() has no fixed search_path"
    )


def test_a_second_function_of_our_name_is_a_fault(conn: Connection, doctor: Examine) -> None:
    conn.execute(
        """create function public.schedule_messages_for_lead(loud boolean) returns integer
        language sql as 'select 1'"""
    )
    assert "schedule_messages_for_lead" in the(doctor(), "functions").detail


def test_a_pair_that_is_there_twice_is_a_fault(conn: Connection, doctor: Examine) -> None:
    a_step(conn, day=3)
    a_lead(conn)
    conn.execute("alter table message_logs drop constraint message_logs_lead_step")
    check = the(doctor(), "pairs")
    assert check.detail == "nothing keeps a lead from getting a step twice"
    conn.execute(
        """insert into message_logs (lead_id, flow_step_id, message_type, content, scheduled_for)
        select lead_id, flow_step_id, message_type, content, scheduled_for from message_logs"""
    )
    assert "1 of leads and steps have several" in the(doctor(), "pairs").detail


def test_a_missing_index_is_a_fault(conn: Connection, doctor: Examine) -> None:
    conn.execute("drop index message_logs_due")
    check = the(doctor(), "vacuum")
    assert check.status is Grade.FAULT
    conn.execute(check.hint.encode())
    assert the(doctor(), "vacuum").status is Grade.OK


def test_many_dead_rows_are_a_note(conn: Connection, doctor: Examine) -> None:
    conn.execute("alter table message_logs set (autovacuum_enabled = off)")
    a_step(conn)
    conn.execute("insert into leads (email) select 'a@b.c' from generate_series(1, 15000)")
    conn.execute("update message_logs set attempts = 1")
    conn.execute(
        "select pg_stat_force_next_flush()" if conn.info.server_version >= 15_00_00 else ""
    )
    check = the(doctor(), "vacuum")
    assert (check.status, check.hint) == (Grade.NOTE, "vacuum (analyze) public.message_logs;")


def test_a_column_that_was_renamed_is_named_with_its_steps(
    conn: Connection, doctor: Examine
) -> None:
    a_step(conn, key="welcome", content="Hi {{ first_name }}")
    a_step(conn, key="text", type="text", content="Hi")
    a_lead(conn)
    a_lead(conn, email="bob@example.com")
    assert the(doctor(), "columns").status is Grade.OK
    conn.execute("alter table leads rename first_name to given_name")
    found = the(doctor(), "columns")
    assert found.status is Grade.FAULT
    assert "first_name: default/welcome; 2 pending messages" in found.detail
    conn.execute("alter table leads rename given_name to first_name")
    conn.execute("alter table leads drop phone")
    found = the(doctor(), "columns")
    assert found.status is Grade.FAULT
    assert "phone: default/text; 2 pending messages" in found.detail
