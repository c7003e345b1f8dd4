"""What a lead reads: its row as the database means it, at the moment of the message."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from psycopg import sql

from flowctl.dispatch.options import Options
from flowctl.template.strftime import strftime
from tests.support.cli import RunFlowctl
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, database_now, messages
from tests.support.postgres import Connection

LA = "America/Los_Angeles"


def set_timezone(conn: Connection, zone: str) -> None:
    """The zone of every session to come."""
    name = sql.Identifier(conn.info.dbname)
    conn.execute(sql.SQL("alter database {} set timezone = {}").format(name, sql.Literal(zone)))


@pytest.mark.parametrize("session_zone", ["UTC", "Asia/Tokyo"])
def test_a_row_reads_the_same_whatever_the_sessions_zone(
    database: str, conn: Connection, flowctl: RunFlowctl, session_zone: str
) -> None:
    set_timezone(conn, session_zone)
    conn.execute(
        "alter table leads add call_at timestamptz, add until timestamp, add born date, "
        "add price numeric(10,2), add share float8, add tags jsonb"
    )
    content = (
        "{{ call_at | date: '%A %-I:%M %p' }}, {{ until | date: '%R' }}, {{ born }}, "
        "{{ price }}, {{ price | times: 2 }}, {{ share }}, {{ tags }}"
    )
    a_step(conn, type="text", content=content)
    lead = a_lead(
        conn,
        timezone=LA,
        call_at=datetime(2026, 12, 4, 17, 0, tzinfo=ZoneInfo(LA)),
        until="2026-12-04 23:30",
        born="1990-05-04",
        price="10.50",
        share=0.1,
        tags='["a", 1.50]',
    )
    expected = 'Friday 5:00 PM, 23:30, 1990-05-04, 10.50, 21.00, 0.1, ["a", 1.50]'
    shown = flowctl("preview", str(lead), "--json").json()["messages"]
    assert [message["content"] for message in shown] == [expected]
    assert [message.text for message in dispatch_once(database).taken] == [expected]


def test_now_is_the_dispatchers_moment_in_the_messages_zone(
    database: str, conn: Connection
) -> None:
    a_flow(conn, timezone=LA)
    a_step(conn, type="text", content="{{ 'now' | date: '%F %R' }}")
    a_lead(conn, timezone="Mars/Base")
    a_lead(conn, timezone="asia/calcutta")
    now = database_now(conn) + timedelta(days=40)
    taken = dispatch_once(database, options=Options(now=now)).taken
    zones = (ZoneInfo(LA), ZoneInfo("Asia/Kolkata"))
    assert {message.text for message in taken} == {
        strftime(now.astimezone(zone), "%F %R") for zone in zones
    }


def test_now_in_a_preview_is_when_the_message_goes(conn: Connection, flowctl: RunFlowctl) -> None:
    a_step(conn, type="text", day=2, time="9:00 AM", content="{{ 'now' | date: '%F %R' }}")
    ran = flowctl("preview", "--created-at", "2026-03-02 15:00", "--timezone", LA, "--json")
    assert [message["content"] for message in ran.json()["messages"]] == ["2026-03-04 09:00"]


def test_a_sample_lead_keeps_its_digits(conn: Connection, flowctl: RunFlowctl) -> None:
    a_step(conn, type="text", content="{{ price }}")
    ran = flowctl(
        "preview", "--created-at", "2026-03-02 15:00", "--lead", '{"price": 10.50}', "--json"
    )
    assert [message["content"] for message in ran.json()["messages"]] == ["10.50"]


Case = tuple[str | None, str, str, str | None]
"""A step's format and content; the text and the HTML that a lead gets."""

LINES = "Dear {{ first_name }},\n\nthis is <b>new</b>:\nif a < b then c."


@pytest.mark.parametrize(
    "case",
    [
        (None, "if a<b then c>d\nbye", "if a<b then c>d\nbye", None),
        (None, "<p>Hi {{ first_name }}</p>", "Hi A&B", "<p>Hi A&amp;B</p>"),
        (
            None,
            LINES,
            "Dear A&B,\n\nthis is new:\nif a < b then c.",
            "Dear A&amp;B,<br>\n<br>\nthis is <b>new</b>:<br>\nif a < b then c.",
        ),
        ("text", "<p>Hi {{ first_name }}</p>", "<p>Hi A&B</p>", None),
        ("html", "Hi {{ first_name }}\n&mdash; us", "Hi A&B \u2014 us", "Hi A&amp;B\n&mdash; us"),
    ],
)
def test_an_email_is_html_where_it_says_so_or_shows_it(
    database: str, conn: Connection, flowctl: RunFlowctl, case: Case
) -> None:
    given, content, text, html = case
    step = a_step(conn, content=content, format=given)
    lead = a_lead(conn, first_name="A&B")
    # the message keeps what its step was when it was scheduled
    conn.execute("update flow_steps set format = null, content = '<i>x</i>' where id = %s", (step,))
    (shown,) = flowctl("preview", str(lead), "--json").json()["messages"]
    assert shown["content"] == (text if html is None else html)
    (message,) = dispatch_once(database).taken
    assert (message.text, message.html) == (text, html)
    assert messages(conn, "format", "content") == [
        ("text" if html is None else "html", text if html is None else html)
    ]
