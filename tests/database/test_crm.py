"""The functions for the pages of a CRM: a lead's schedule, and putting a lead into one flow."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from psycopg import sql
from psycopg.errors import InvalidParameterValue

from flowctl import migrate
from flowctl.database import translated
from flowctl.errors import InputError
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.postgres import Connection, connect

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def empty(empty_database: str) -> Iterator[Connection]:
    """A database without the schema."""
    with connect(empty_database) as connection:
        yield connection


def schedule(conn: Connection, lead: UUID, *columns: str) -> list[tuple[object, ...]]:
    """These columns of the lead's rows."""
    statement = sql.SQL("select {} from message_schedule(%s)").format(
        sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    return conn.execute(statement, (lead,)).fetchall()


@pytest.mark.parametrize(
    ("own", "local", "zone"),
    [
        ("Asia/Kolkata", "2026-07-01 17:30", "Asia/Kolkata"),
        ("america/new_york", "2026-07-01 08:00", "America/New_York"),
        ("Eastern Standard Time", "2026-07-01 08:00", "America/New_York"),
        ("Mars/Base", "2026-07-01 14:00", "Europe/Berlin"),
        ("PST", "2026-07-01 14:00", "Europe/Berlin"),
        (None, "2026-07-01 14:00", "Europe/Berlin"),
    ],
)
def test_a_message_is_shown_on_the_leads_clock(
    conn: Connection, own: str | None, local: str, zone: str
) -> None:
    a_step(conn, flow=a_flow(conn, "nurture", timezone="Europe/Berlin"), key="welcome")
    lead = a_lead(conn, timezone=own)
    conn.execute("update message_logs set scheduled_for = %s", (NOON,))
    assert schedule(conn, lead, "flow", "step_order", "key", "type", "status") == [
        ("nurture", 1, "welcome", "email", "pending")
    ]
    assert schedule(conn, lead, "scheduled_for", "local_time", "timezone") == [
        (NOON, datetime.fromisoformat(local), zone)
    ]


def test_leads_without_a_timezone_column_are_on_the_flows_clock(conn: Connection) -> None:
    a_step(conn, flow=a_flow(conn, "nurture", timezone="Asia/Tokyo"))
    conn.execute("alter table leads drop column timezone")
    row = conn.execute("insert into leads default values returning id").fetchone()
    assert row is not None
    assert schedule(conn, row[0], "timezone") == [("Asia/Tokyo",)]


def test_each_message_of_the_lead_is_there_in_the_order_of_their_times(conn: Connection) -> None:
    a_step(conn, day=2, key="last")
    a_step(conn, type="text", day=1)
    gone = a_step(conn, day=0)
    lead = a_lead(conn)
    a_lead(conn)
    conn.execute("delete from flow_steps where id = %s", (gone,))
    conn.execute(
        "insert into message_logs (lead_id, message_type, content, scheduled_for) "
        "select id, 'text', 'Hi', created_at + interval '12 hours' from leads where id = %s",
        (lead,),
    )
    columns = ("flow", "step_order", "key", "type", "status", "reason")
    assert schedule(conn, lead, *columns) == [
        (None, None, None, "email", "cancelled", "step was deleted"),
        (None, None, None, "text", "pending", None),
        ("default", 1, None, "text", "pending", None),
        ("default", 2, "last", "email", "pending", None),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update flows set paused_at = now()", "flow is paused"),
        ("update flows set enabled = false", "flow is off"),
        ("update flow_steps set enabled = false", "step is off"),
        ("update message_logs set error_message = '503 busy'", "503 busy"),
        ("update message_logs set status = 'failed', error_message = 'refused'", "refused"),
    ],
)
def test_the_reason_says_why_a_message_is_not_sent(
    conn: Connection, change: str, reason: str
) -> None:
    a_step(conn)
    lead = a_lead(conn)
    conn.execute(change.encode())
    assert schedule(conn, lead, "reason") == [(reason,)]


def test_an_unknown_lead_has_no_schedule(conn: Connection) -> None:
    a_step(conn)
    assert schedule(conn, UUID(int=0), "status") == []


def test_a_lead_enters_the_flow_that_is_named(conn: Connection) -> None:
    lead = a_lead(conn)
    a_step(conn)
    a_step(conn, flow=a_flow(conn, "extra"), subject="extra")
    enroll = "select enroll_lead(%s, %s)"
    assert conn.execute(enroll, (lead, "extra")).fetchone() == (1,)
    assert messages(conn, "subject") == [("extra",)]
    assert conn.execute(enroll, (lead, "extra")).fetchone() == (0,)
    assert conn.execute(enroll, (UUID(int=0), "extra")).fetchone() == (0,)


def test_a_lead_that_was_stopped_does_not_enter(conn: Connection) -> None:
    lead = a_lead(conn)
    a_step(conn, flow=a_flow(conn, "extra"))
    conn.execute("insert into flowctl.stops (lead_id, flow) values (%s, 'extra')", (lead,))
    assert conn.execute("select enroll_lead(%s, 'extra')", (lead,)).fetchone() == (0,)
    assert messages(conn, "id") == []


@pytest.mark.parametrize("flow", ["nurtur", "", None])
def test_a_flow_that_is_not_there_is_refused(conn: Connection, flow: str | None) -> None:
    a_step(conn)
    lead = a_lead(conn)
    conn.execute("delete from message_logs")
    with pytest.raises(InvalidParameterValue, match="there is no flow"):
        conn.execute("select enroll_lead(%s, %s)", (lead, flow))
    assert messages(conn, "id") == []


@pytest.mark.parametrize(
    ("id_type", "lead"), [("bigint", 7), ("integer", 7), ("text", "L-7"), ("varchar(9)", "L-7")]
)
def test_leads_are_named_by_an_id_of_any_type(
    empty: Connection, id_type: str, lead: object
) -> None:
    empty.execute(
        f"create table leads (id {id_type} primary key, created_at timestamptz, "
        "email text)".encode()
    )
    migrate.apply(empty)
    a_step(empty)
    empty.execute("insert into leads values (%s, now())", (lead,))
    a_step(empty, flow=a_flow(empty, "extra"))
    assert empty.execute("select enroll_lead(%s, 'extra')", (lead,)).fetchone() == (1,)
    assert empty.execute(
        "select flow, status from message_schedule(%s) order by flow", (lead,)
    ).fetchall() == [("default", "pending"), ("extra", "pending")]


@pytest.mark.parametrize(
    "other",
    [
        "function enroll_lead(lead_id uuid, flow text) returns text language sql as 'select 1'",
        "function message_schedule(uuid) returns table (n int) language sql as 'select 1'",
        "function message_schedule(lead_id uuid) returns json language sql as 'select to_json(1)'",
    ],
)
def test_another_function_of_the_name_is_left_alone(empty: Connection, other: str) -> None:
    empty.execute(f"create {other}".encode())
    with pytest.raises(InputError, match="another function"), translated():
        migrate.apply(empty)
    assert empty.execute("select to_regnamespace('flowctl')").fetchone() == (None,)
