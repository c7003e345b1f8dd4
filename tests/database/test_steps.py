"""What the database keeps about steps and flows, whoever writes them."""

from datetime import time
from uuid import UUID

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.errors import CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation

from flowctl.times import clock_text, parse_time_of_day
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.instants import MANY_CASES
from tests.support.postgres import Connection, connect


def order(conn: Connection, flow: str = "default") -> list[str]:
    """The subjects of a flow's steps in the order of their numbers, which must have no gap."""
    rows = conn.execute(
        "select step_order, subject from flow_steps where flow = %s order by step_order", (flow,)
    ).fetchall()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    return [row[1] for row in rows]


def timed(conn: Connection, subject: str, day: int, at: str | None = None, **more: object) -> UUID:
    """An email on a day, at a time or at once."""
    kind = "immediately" if at is None else "specific"
    return a_step(conn, subject=subject, day=day, time=at, time_type=kind, **more)


def test_steps_are_ordered_by_day_then_at_once_then_time_then_making(conn: Connection) -> None:
    timed(conn, "day 2", 2, "12:00 AM")
    timed(conn, "noon", 1, "12:00 PM")
    timed(conn, "nine", 1, "9:00 AM")
    timed(conn, "at once", 1)
    timed(conn, "nine again", 1, "09:00")
    timed(conn, "midnight", 1, "12:00 AM")
    timed(conn, "welcome", 0)
    assert order(conn) == [
        *("welcome", "at once", "midnight", "nine", "nine again", "noon", "day 2"),
    ]


def test_each_flow_counts_for_itself_and_disabled_steps_count(conn: Connection) -> None:
    a_flow(conn, "other")
    timed(conn, "second", 2)
    timed(conn, "first", 1, enabled=False)
    timed(conn, "theirs", 0, flow="other")
    assert order(conn) == ["first", "second"]
    assert order(conn, "other") == ["theirs"]


def test_the_order_of_one_statement_is_the_order_of_its_rows(conn: Connection) -> None:
    conn.execute(
        "insert into flow_steps (type, subject, content, time_type) "
        "select 'email', 'step ' || n, 'x', 'immediately' from generate_series(1, 12) n"
    )
    assert order(conn) == [f"step {n}" for n in range(1, 13)]


def test_a_given_order_is_ignored(conn: Connection) -> None:
    timed(conn, "late", 5, step_order=1)
    timed(conn, "early", 0, step_order=99)
    assert order(conn) == ["early", "late"]
    conn.execute("update flow_steps set step_order = 10 - step_order")
    assert order(conn) == ["early", "late"]


def test_returning_gives_the_place_that_a_step_has(conn: Connection) -> None:
    timed(conn, "day 2", 2)
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
        timed(conn, f"day {n}", n)
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
        timed(first, "a", 5)
        timed(first, "b", 6)
        with first.transaction():
            first.execute("update flow_steps set day = 8 where subject = 'a'")
            second.execute("set lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                second.execute("update flow_steps set day = 7 where subject = 'b'")
        second.execute("update flow_steps set day = 9 where subject = 'b'")
        assert order(first) == ["a", "b"]


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("9:00 AM", "9:00 AM"),
        ("9:00 am", "9:00 AM"),
        ("9 AM", "9:00 AM"),
        ("9am", "9:00 AM"),
        ("09:00", "9:00 AM"),
        ("9:00", "9:00 AM"),
        ("21:30", "9:30 PM"),
        ("9:30 p.m.", "9:30 PM"),
        ("12:00 AM", "12:00 AM"),
        ("12:00 PM", "12:00 PM"),
        ("00:00", "12:00 AM"),
        ("0:05", "12:05 AM"),
        ("23:59", "11:59 PM"),
        ("09:00:00", "9:00 AM"),
        ("  9:00 AM ", "9:00 AM"),
    ],
)
def test_a_time_is_stored_as_one_form(conn: Connection, written: str, stored: str) -> None:
    timed(conn, "step", 0, written)
    conn.execute("update flow_steps set time = %s", (written,))
    assert conn.execute("select time from flow_steps").fetchall() == [(stored,)]


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", "9", "25:00", "24:00", "9:60", "13:00 PM", "0:30 AM", "25:00 PM", "9:5", "noon"),
        *("9.00 AM", "nine", "9:00 XM", "-1:00", "9:00 AM EST", "9:00:30", "9:00 AM; drop table"),
        "\u0669:\u0660\u0660",
    ],
)
def test_a_time_that_cannot_be_read_is_refused(conn: Connection, written: str) -> None:
    with pytest.raises(CheckViolation, match="time"):
        timed(conn, "step", 0, written)


@settings(MANY_CASES)
@given(
    texts=st.lists(
        st.from_regex(r"\s?[0-9]{1,2}(:[0-9]{1,2}){0,2} ?([apAP]\.?[mM]\.?)?\s?", fullmatch=True)
        | st.text(st.sampled_from("0129:apmAPM. \t"), max_size=9),
        min_size=50,
        max_size=100,
    )
)
@example(texts=["9:00\n", "9:00 AM\n", "\u00a09:00", "9:00\u2007am", "12:00 AM", "\u0669:00"])
def test_the_database_reads_times_as_the_program_does(
    texts: list[str], reckoner: Connection
) -> None:
    read = reckoner.execute(
        "select flowctl.time_of_day(t), flowctl.clock_text(flowctl.time_of_day(t)) "
        "from unnest(%s::text[]) with ordinality as given (t, n) order by n",
        (texts,),
    ).fetchall()
    assert read == [program_reads(text) for text in texts]


def program_reads(text: str) -> tuple[time | None, str | None]:
    """What the program's reading of a time of day is, and how it would be stored."""
    try:
        moment = parse_time_of_day(text)
    except ValueError:
        return None, None
    return moment, clock_text(moment)


REFUSED_STEPS: list[tuple[dict[str, object], type[psycopg.Error]]] = [
    ({"time_type": "specific"}, CheckViolation),
    ({"time_type": "specific", "time": "sometime"}, CheckViolation),
    ({"day": -1}, CheckViolation),
    ({"day": 3651}, CheckViolation),
    ({"day": 2_147_483_647}, CheckViolation),
    ({"type": "fax"}, CheckViolation),
    ({"type": "Email"}, CheckViolation),
    ({"type": None}, NotNullViolation),
    ({"time_type": "later"}, CheckViolation),
    ({"subject": None}, CheckViolation),
    ({"subject": " \t\n"}, CheckViolation),
    ({"content": None}, CheckViolation),
    ({"content": ""}, CheckViolation),
    ({"content": " \r\n\t "}, CheckViolation),
    ({"type": "text", "content": " "}, CheckViolation),
    ({"key": ""}, CheckViolation),
    ({"key": " padded "}, CheckViolation),
    ({"flow": "nowhere"}, ForeignKeyViolation),
    ({"flow": None}, NotNullViolation),
    ({"enabled": None}, NotNullViolation),
]


@pytest.mark.parametrize(("columns", "error"), REFUSED_STEPS)
def test_what_could_not_be_scheduled_is_refused(
    conn: Connection, columns: dict[str, object], error: type[psycopg.Error]
) -> None:
    with pytest.raises(error):
        a_step(conn, **{"subject": "Welcome", **columns})
    step = a_step(conn)
    changes = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(c)) for c in columns)
    with pytest.raises(error):
        conn.execute(
            sql.SQL("update flow_steps set {} where id = %s").format(changes),
            [*columns.values(), step],
        )


def test_an_error_names_a_step_by_its_key_or_else_its_place_and_type(conn: Connection) -> None:
    timed(conn, "first", 0)
    timed(conn, "third", 5)
    text = {"type": "text", "content": " ", "day": 2}
    with pytest.raises(CheckViolation, match=r'^flow "default": step 2 \(text\): content is empty'):
        a_step(conn, **text)
    with pytest.raises(CheckViolation, match=r'^flow "default": step "hi": content is empty'):
        a_step(conn, key="hi", **text)
    with pytest.raises(CheckViolation, match=r'^flow "default": step 2 \(email\): an email needs'):
        conn.execute("update flow_steps set subject = null, day = 0 where subject = 'third'")
    with pytest.raises(CheckViolation, match=r'^flow "default": step 1 \(email\): time: "25:00"'):
        conn.execute(
            "update flow_steps set time = '25:00', time_type = 'specific' where subject = 'first'"
        )


def test_only_a_disabled_step_may_be_a_draft(conn: Connection) -> None:
    draft = a_step(
        conn, enabled=False, subject=None, content=None, time_type="specific", time="tbd"
    )
    for change in (b"subject = 'Hello'", b"content = 'x'", b"time = '9 am'"):
        with pytest.raises(CheckViolation):
            conn.execute("update flow_steps set enabled = true where id = %s", (draft,))
        conn.execute(b"update flow_steps set " + change)
    conn.execute("update flow_steps set enabled = true")
    a_lead(conn)
    assert len(messages(conn, "id")) == 1


def test_a_disabled_step_is_still_of_a_kind(conn: Connection) -> None:
    for columns in ({"day": -1}, {"type": "fax"}, {"time_type": "later"}):
        with pytest.raises(CheckViolation):
            a_step(conn, subject="x", enabled=False, **columns)


def test_what_is_left_out_has_a_default(conn: Connection) -> None:
    conn.execute("insert into flow_steps (type, content) values ('text', 'now')")
    conn.execute("insert into flow_steps (type, content, time) values ('text', 'then', '9 am')")
    assert conn.execute(
        "select content, flow, day, time, time_type, enabled, key from flow_steps order by 1"
    ).fetchall() == [
        ("now", "default", 0, None, "immediately", True, None),
        ("then", "default", 0, "9:00 AM", "specific", True, None),
    ]


def test_a_key_is_unique_within_its_flow(conn: Connection) -> None:
    a_flow(conn, "other")
    a_step(conn, key="welcome")
    a_step(conn, key="welcome", flow="other")
    a_step(conn)
    a_step(conn)
    with pytest.raises(UniqueViolation):
        a_step(conn, key="welcome")


def test_updated_at_follows_what_the_step_says_and_not_its_number(conn: Connection) -> None:
    step = timed(conn, "step", 5)
    before = conn.execute("select updated_at from flow_steps").fetchone()
    timed(conn, "earlier", 1)
    assert conn.execute(
        "select updated_at, step_order from flow_steps where id = %s", (step,)
    ).fetchone() == (*(before or ()), 2)
    conn.execute("update flow_steps set content = 'new' where id = %s", (step,))
    after = conn.execute("select updated_at from flow_steps where id = %s", (step,)).fetchone()
    assert after != before


def test_a_deleted_step_keeps_its_history_and_cancels_the_rest(conn: Connection) -> None:
    step = a_step(conn)
    for email in ("sent", "failed", "cancelled", "pending"):
        lead = a_lead(conn, email=email)
        conn.execute(
            "update message_logs set status = %s, error_message = 'as it was', "
            "sent_at = case when %s = 'sent' then now() end where lead_id = %s",
            (email, email, lead),
        )
    conn.execute("delete from flow_steps where id = %s", (step,))
    rows = conn.execute(
        "select l.email, m.status, m.error_message, m.flow_step_id "
        "from message_logs m join leads l on l.id = m.lead_id order by m.created_at"
    ).fetchall()
    assert rows == [
        ("sent", "sent", "as it was", None),
        ("failed", "failed", "as it was", None),
        ("cancelled", "cancelled", "as it was", None),
        ("pending", "cancelled", "step was deleted", None),
    ]


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
    assert order(conn, "renamed") == ["Welcome"]


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
