"""Rules of the tables of flows and suppressions, whoever writes to them."""

import pytest
from psycopg import sql
from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation

from tests.support.factories import a_flow, a_step
from tests.support.postgres import Connection


def test_the_default_flow_always_exists(conn: Connection) -> None:
    assert conn.execute("select name, enabled, timezone from flows").fetchall() == [
        ("default", True, "UTC")
    ]
    for statement in (b"delete from flows", b"update flows set name = 'main'"):
        with pytest.raises(CheckViolation, match="always exists"):
            conn.execute(statement)


def test_a_flow_with_steps_is_not_deleted_and_may_be_renamed(conn: Connection) -> None:
    a_flow(conn, "nurture")
    a_step(conn, flow="nurture")
    with pytest.raises(ForeignKeyViolation):
        conn.execute("delete from flows where name = 'nurture'")
    conn.execute("update flows set name = 'renamed' where name = 'nurture'")
    found = conn.execute("select subject from flow_steps where flow = 'renamed'").fetchall()
    assert found == [("Welcome",)]


@pytest.mark.parametrize(
    "setting",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "EDT"},
        {"timezone": "UTC+3"},
        {"timezone": ""},
        {"send_window": {"start": "8 o'clock"}},
        {"send_window": {"start": 8}},
        {"send_window": {"end": None}},
        {"send_window": {"start": "8:00 AM", "end": "08:00"}},
        {"send_window": {"end": "12:00 AM"}},
        {"send_window": {"days": []}},
        {"send_window": {"days": ["monday"]}},
        {"send_window": {"days": "mon"}},
        {"send_window": {"days": [1]}},
        {"send_window": {"types": ["fax"]}},
        {"send_window": {"types": []}},
        {"send_window": {"Start": "8:00 AM"}},
        {"send_window": {"start": "8:00 AM", "until": "8:00 PM"}},
        {"sender": {"from": "ana@example.com"}},
        {"sender": {"email_from": "ana"}},
        {"sender": {"email_from": "a@example.com, b@example.com"}},
        {"sender": {"email_from": "Ana <a@example.com>\nBcc: <b@example.com>"}},
        {"sender": {"reply_to": 8}},
        {"sender": {"reply_to": None}},
        {"sender": {"return_path": "Ana <ana@example.com>"}},
        {"sender": {"text_from": "212"}},
        {"expire_after": "-1 hour"},
        {"expire_after": "0"},
        {"min_gap": "0"},
    ],
)
def test_a_flow_that_could_not_be_scheduled_is_refused(
    conn: Connection, setting: dict[str, object]
) -> None:
    a_flow(conn, "nurture")
    with pytest.raises(CheckViolation):
        a_flow(conn, "nurture", **setting)


@pytest.mark.parametrize("name", ["", " ", " padded", "padded "])
def test_a_flow_has_a_name(conn: Connection, name: str) -> None:
    with pytest.raises(CheckViolation):
        a_flow(conn, name)


@pytest.mark.parametrize("column", ["audience", "exit_when", "send_window"])
@pytest.mark.parametrize("value", ["[]", "5", '"text"', "null", "true"])
def test_a_condition_is_a_json_object(conn: Connection, column: str, value: str) -> None:
    statement = sql.SQL("update flows set {} = %s::jsonb")
    with pytest.raises(CheckViolation):
        conn.execute(statement.format(sql.Identifier(column)), (value,))


def test_a_zone_is_stored_as_the_server_spells_it(conn: Connection) -> None:
    a_flow(conn, timezone="america/new_york")
    assert conn.execute("select timezone from flows").fetchall() == [("America/New_York",)]


def test_an_address_is_stored_as_it_is_compared(conn: Connection) -> None:
    conn.execute(
        "insert into suppressions (channel, address) "
        "values ('email', ' Ada@Example.COM '), ('text', '+1 (415) 555-0123')"
    )
    assert conn.execute("select address, source from suppressions order by 1").fetchall() == [
        ("+14155550123", "manual"),
        ("ada@example.com", "manual"),
    ]
    with pytest.raises(UniqueViolation):
        conn.execute(
            "insert into suppressions (channel, address) values ('email', 'ADA@example.com')"
        )


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("email", "ada"),
        ("email", ""),
        ("text", "ada@example.com"),
        ("fax", "+14155550123"),
    ],
)
def test_an_address_that_could_not_be_compared_is_refused(
    conn: Connection, channel: str, address: str
) -> None:
    with pytest.raises(CheckViolation):
        conn.execute(
            "insert into suppressions (channel, address) values (%s, %s)", (channel, address)
        )
