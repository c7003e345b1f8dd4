"""What the doctor finds in a database, each fault made by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg import sql

from flowctl import database as db
from flowctl.doctor import Grade, examine, valid_settings
from flowctl.store import doctor as doctor_store
from tests.support.doctor import Examine, examined, faults, the
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.postgres import Connection


def test_a_working_set_up_has_no_fault(conn: Connection, database: str) -> None:
    a_step(conn, day=3)
    a_lead(conn)
    found = examined(database)
    assert not faults(found)
    assert {check.status for checks in found.values() for check in checks} == {
        Grade.OK,
        Grade.NOTE,  # no email server is configured
    }


def test_a_flow_without_steps_is_a_note(conn: Connection, doctor: Examine) -> None:
    a_step(conn)
    a_flow(conn, "lonely")
    check = the(doctor(), "flows")
    assert (check.status, check.detail) == (Grade.NOTE, "no steps in lonely")


def bypassing(conn: Connection, table: str, statement: str) -> None:
    """Write past the triggers of a table, as a restore can."""
    conn.execute(f"alter table {table} disable trigger user".encode())
    conn.execute(statement.encode())
    conn.execute(f"alter table {table} enable trigger user".encode())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("time_type = 'specific', time = 'in the morning'", "no readable time"),
        ("subject = null", "no subject"),
        ("content = ' '", "no content"),
    ],
)
def test_a_step_that_cannot_be_scheduled_is_a_fault(
    conn: Connection, doctor: Examine, change: str, reason: str
) -> None:
    a_step(conn, key="welcome")
    bypassing(conn, "flow_steps", f"update flow_steps set {change}")  # noqa: S608 - the test's own
    check = the(doctor(), "steps")
    assert (check.status, check.detail) == (Grade.FAULT, f"default/welcome: {reason}")


def test_a_template_that_the_crm_wrote_wrong_is_a_fault(conn: Connection, doctor: Examine) -> None:
    a_step(conn, key="welcome", content="Hello {{ first_name")
    a_step(conn, key="draft", content="{% nonsense %}", enabled=False)
    check = the(doctor(), "templates")
    assert check.status is Grade.FAULT
    assert check.detail.startswith("default/welcome: content: ")
    assert "draft" not in check.detail
    assert "steps sync" in check.hint


def test_the_hint_for_a_template_fits_where_its_step_was_made(
    conn: Connection, doctor: Examine
) -> None:
    a_step(conn, content="Hello {{ first_name")
    check = the(doctor(), "templates")
    assert check.detail.startswith("default/#1: content: ")
    assert "public.flow_steps" in check.hint


def test_a_zone_that_the_server_does_not_know_is_a_fault(conn: Connection, doctor: Examine) -> None:
    a_step(conn)
    bypassing(conn, "flows", "update flows set timezone = 'Europe/Atlantis'")
    check = the(doctor(), "flows")
    assert check.detail == "default: there is no zone Europe/Atlantis"
    assert check.status is Grade.FAULT


def test_a_send_window_that_never_opens_is_a_fault(conn: Connection, doctor: Examine) -> None:
    a_step(conn)
    bypassing(
        conn,
        "flows",
        """update flows set send_window = '{"start": "9:00 AM", "days": ["never"]}'""",
    )
    check = the(doctor(), "flows")
    assert check.detail == "the send window never opens in default"
    assert check.status is Grade.FAULT


def test_a_lead_that_slipped_past_the_trigger_is_a_fault(conn: Connection, doctor: Examine) -> None:
    a_step(conn, day=1)
    bypassing(conn, "leads", "insert into leads (email) values ('ada@example.com')")
    check = the(doctor(), "schedules")
    assert check.status is Grade.FAULT
    assert check.detail == "1 lead of the last 7 days without messages, although a flow wanted them"
    assert check.hint.startswith("flowctl leads enroll --flow default ")


def test_a_lead_for_which_it_is_too_late_is_a_note(conn: Connection, doctor: Examine) -> None:
    a_step(conn)
    conn.execute("alter table flow_steps disable trigger user")
    conn.execute("update flow_steps set created_at = created_at - interval '9 days'")
    conn.execute("update flow_steps set updated_at = created_at")
    conn.execute("alter table flow_steps enable trigger user")
    bypassing(
        conn,
        "leads",
        "insert into leads (email, created_at) values ('a@b.c', now() - interval '4 d')",
    )
    assert the(doctor(), "schedules").status is Grade.NOTE


def test_a_lead_that_no_flow_wanted_is_none(conn: Connection, doctor: Examine) -> None:
    conn.execute("insert into leads (email) values ('before@example.com')")
    a_step(conn)
    a_flow(conn, audience={"source": "shop"})
    conn.execute("insert into leads (email) values ('other@example.com')")
    assert the(doctor(), "schedules").status is Grade.OK


@pytest.mark.parametrize(
    ("minutes", "exit_status", "grade"),
    [(60, 0, Grade.OK), (60, 6, Grade.NOTE), (1, None, Grade.OK), (60, None, Grade.NOTE)],
)
def test_the_last_run_is_told(
    conn: Connection, doctor: Examine, minutes: int, exit_status: int | None, grade: Grade
) -> None:
    assert the(doctor(), "last run").detail == "none in 30 days"
    conn.execute(
        "insert into flowctl.runs (id, host, is_loop, exit_status, ended_at, seen_at) "
        "select gen_random_uuid(), 'web-1', false, %(exit)s::int, "
        "case when %(exit)s::int is not null then at.seen_at end, at.seen_at "
        "from (select now() - make_interval(mins => %(minutes)s) as seen_at) as at",
        {"exit": exit_status, "minutes": minutes},
    )
    check = the(doctor(), "last run")
    assert check.status is grade
    assert "web-1" in check.detail


def test_a_server_without_leave_to_write_is_a_fault(conn: Connection, database: str) -> None:
    conn.execute(
        sql.SQL("alter database {} set default_transaction_read_only = on").format(
            sql.Identifier(conn.info.dbname)
        )
    )
    assert the(examined(database), "server").hint == "name the primary in DATABASE_URL"


def test_one_check_that_fails_is_not_the_end(conn: Connection, doctor: Examine) -> None:
    conn.execute("drop table suppressions")
    found = doctor()
    assert "could not be checked" in the(found, "suppressed").detail
    assert the(found, "lag").status is Grade.OK


def test_nothing_is_changed(conn: Connection, database: str) -> None:
    a_step(conn)
    a_lead(conn)
    before = conn.execute("select pg_current_wal_insert_lsn(), m.* from message_logs m").fetchall()
    examined(database)
    after = conn.execute("select pg_current_wal_insert_lsn(), m.* from message_logs m").fetchall()
    assert [row[1:] for row in after] == [row[1:] for row in before]


def test_a_value_that_no_program_of_ours_writes_is_not_the_end(
    conn: Connection, doctor: Examine
) -> None:
    a_step(conn)
    conn.execute("alter table flow_steps drop constraint flow_steps_type")
    conn.execute("update flow_steps set type = 'fax'")
    found = doctor()
    assert the(found, "steps").detail == 'default/#1: unknown type "fax"'
    assert the(found, "templates").status is Grade.FAULT
    assert the(found, "lag").status is Grade.OK


def test_a_connection_that_is_cut_ends_the_examination(conn: Connection, database: str) -> None:
    @contextmanager
    def cut() -> Iterator[db.Connection]:
        with db.connect(database) as connection:
            conn.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
            yield connection

    valid = valid_settings({})
    report = examine(cut, valid.settings, [valid.check])
    assert report.unreachable is not None
    assert report.unreachable.exit_code == 4
    assert [check.name for check in report.checks] == ["settings", "connection", "email", "text"]


def test_a_check_that_takes_too_long_is_given_up(
    conn: Connection, doctor: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is locked answers no question: the checks of it end, the others go on."""
    monkeypatch.setattr(doctor_store, "CHECK_SECONDS", 1)
    a_step(conn)
    with conn.transaction():
        conn.execute("lock table suppressions in access exclusive mode")
        found = doctor()
    check = the(found, "suppressed")
    assert (check.status, check.hint) == (
        Grade.NOTE,
        "flowctl doctor, when the database is less busy",
    )
    assert the(found, "lag").status is Grade.OK
