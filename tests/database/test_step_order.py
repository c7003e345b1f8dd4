"""The place of a step in its flow: counted by the database, in the order of their times."""

import psycopg
import pytest

from tests.support.factories import a_flow, a_step, a_timed_step
from tests.support.postgres import Connection, connect


def order(conn: Connection, flow: str = "default") -> list[str]:
    """The subjects of a flow's steps in the order of their numbers, which must have no gap."""
    rows = conn.execute(
        "select step_order, subject from flow_steps where flow = %s order by step_order", (flow,)
    ).fetchall()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    return [row[1] for row in rows]


def test_steps_are_ordered_by_day_then_at_once_then_time_then_making(conn: Connection) -> None:
    a_timed_step(conn, "day 2", 2, "12:00 AM")
    a_timed_step(conn, "noon", 1, "12:00 PM")
    a_timed_step(conn, "nine", 1, "9:00 AM")
    a_timed_step(conn, "at once", 1)
    a_timed_step(conn, "nine again", 1, "09:00")
    a_timed_step(conn, "midnight", 1, "12:00 AM")
    a_timed_step(conn, "welcome", 0)
    assert order(conn) == [
        *("welcome", "at once", "midnight", "nine", "nine again", "noon", "day 2"),
    ]


def test_each_flow_counts_for_itself_and_disabled_steps_count(conn: Connection) -> None:
    a_flow(conn, "other")
    a_timed_step(conn, "second", 2)
    a_timed_step(conn, "first", 1, enabled=False)
    a_timed_step(conn, "theirs", 0, flow="other")
    assert order(conn) == ["first", "second"]
    assert order(conn, "other") == ["theirs"]


def test_the_order_of_one_statement_is_the_order_of_its_rows(conn: Connection) -> None:
    conn.execute(
        "insert into flow_steps (type, subject, content, time_type) "
        "select 'email', 'step ' || n, 'x', 'immediately' from generate_series(1, 12) n"
    )
    assert order(conn) == [f"step {n}" for n in range(1, 13)]


def test_a_given_order_is_ignored(conn: Connection) -> None:
    a_timed_step(conn, "late", 5, step_order=1)
    a_timed_step(conn, "early", 0, step_order=99)
    assert order(conn) == ["early", "late"]
    conn.execute("update flow_steps set step_order = 10 - step_order")
    assert order(conn) == ["early", "late"]


def test_returning_gives_the_place_that_a_step_has(conn: Connection) -> None:
    a_timed_step(conn, "day 2", 2)
    a_step(conn, subject="at once", day=1, time="9:00 AM", time_type="immediately")
    step = (
        "insert into flow_steps (type, subject, content, day, time_type, time, step_order)"
        " values ('email', 'x', 'x', 1, 'specific', %s, 77) returning step_order"
    )
    assert conn.execute(step, ("8:00 AM",)).fetchone() == (2,)
    assert conn.execute(step, ("7:00 AM",)).fetchone() == (2,)
    moved = conn.execute(
        "update flow_steps set day = 3 where time = '7:00 AM' returning step_order"
    ).fetchone()
    assert moved == (4,)
    assert [row[0] for row in conn.execute("select step_order from flow_steps order by 1")] == [
        1, 2, 3, 4,
    ]  # fmt: skip


def test_the_order_follows_every_change(conn: Connection) -> None:
    for n in range(4):
        a_timed_step(conn, f"day {n}", n)
    conn.execute("update flow_steps set day = 9 where subject = 'day 0'")
    assert order(conn) == ["day 1", "day 2", "day 3", "day 0"]
    conn.execute("delete from flow_steps where subject = 'day 2'")
    assert order(conn) == ["day 1", "day 3", "day 0"]
    a_flow(conn, "other")
    conn.execute("update flow_steps set flow = 'other' where subject = 'day 1'")
    assert order(conn) == ["day 3", "day 0"]
    assert order(conn, "other") == ["day 1"]


def test_steps_may_be_copied_and_upserted(conn: Connection) -> None:
    with conn.cursor().copy(
        "copy flow_steps (type, subject, content, day, time_type) from stdin"
    ) as copy:
        for day in (3, 1, 2):
            copy.write_row(("email", f"day {day}", "x", day, "immediately"))
    assert order(conn) == ["day 1", "day 2", "day 3"]
    conn.execute(
        "insert into flow_steps (id, type, subject, content, day, time_type) "
        "select id, type, subject, content, 7, time_type from flow_steps where day = 1 "
        "on conflict (id) do update set day = excluded.day"
    )
    assert order(conn) == ["day 2", "day 3", "day 1"]


def test_two_writers_at_once_keep_the_order(database: str) -> None:
    with connect(database) as first, connect(database) as second:
        a_timed_step(first, "a", 5)
        a_timed_step(first, "b", 6)
        with first.transaction():
            first.execute("update flow_steps set day = 8 where subject = 'a'")
            second.execute("set lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                second.execute("update flow_steps set day = 7 where subject = 'b'")
        second.execute("update flow_steps set day = 9 where subject = 'b'")
        assert order(first) == ["a", "b"]
