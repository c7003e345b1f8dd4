"""What the database keeps about steps and flows, whoever writes them."""

from datetime import time

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.errors import CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation

from flowctl.times import clock_text, parse_time_of_day
from tests.support.factories import a_flow, a_lead, a_step, a_timed_step, messages
from tests.support.instants import MANY_CASES
from tests.support.postgres import Connection


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
    a_timed_step(conn, "step", 0, written)
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
        a_timed_step(conn, "step", 0, written)


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
        instant = parse_time_of_day(text)
    except ValueError:
        return None, None
    return instant, clock_text(instant)


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
    a_timed_step(conn, "first", 0)
    a_timed_step(conn, "third", 5)
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
    step = a_timed_step(conn, "step", 5)
    before = conn.execute("select updated_at from flow_steps").fetchone()
    a_timed_step(conn, "earlier", 1)
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
