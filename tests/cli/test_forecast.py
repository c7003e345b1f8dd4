"""``flowctl forecast``."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg.types.json import Json

from tests.support.cli import RunFlowctl
from tests.support.factories import a_flow, a_lead, a_step, database_now, messages
from tests.support.postgres import Connection

NOTHING: dict[str, object] = {"email": 0, "text": 0, "segments": 0, "countries": {}}
EXPECTED: list[dict[str, object]] = [
    {"email": 1},
    {"text": 1, "segments": 1, "countries": {"US": 1}},
    {},
    {},
]


def test_a_forecast_counts_days_of_the_default_flow(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, timezone="Pacific/Auckland")
    a_step(conn, key="overdue")
    a_step(conn, key="text", type="text", day=1, time="12:05 AM")
    a_step(conn, key="far", day=4)
    a_lead(conn, timezone="Pacific/Auckland")
    conn.execute(
        "update message_logs set scheduled_for = '2026-01-01' where scheduled_for <= now()"
    )
    document = flowctl("forecast", "--days", "4", "--json").json()
    assert list(document) == ["timezone", "days", "cannot"]
    assert document["timezone"] == "Pacific/Auckland"
    today = database_now(conn).astimezone(ZoneInfo("Pacific/Auckland")).date()
    assert document["days"] == [
        {"date": str(today + timedelta(number)), **NOTHING, **expected}
        for number, expected in enumerate(EXPECTED)
    ]
    assert document["cannot"] == {"no_address": 0, "suppressed": 0, "paused": 0}


def test_a_forecast_is_of_a_week(flowctl: RunFlowctl, conn: Connection) -> None:
    days = flowctl("forecast", "--json").json()["days"]
    first = database_now(conn).astimezone(UTC).date()
    assert [date.fromisoformat(day["date"]) for day in days] == [
        first + timedelta(number) for number in range(7)
    ]
    table = flowctl("forecast")
    assert "days in UTC" in table.stderr
    assert len(table.stdout.splitlines()) == 8


def test_days_are_at_least_one(flowctl: RunFlowctl) -> None:
    assert flowctl("forecast", "--days", "0").exit_code == 2


def test_texts_are_told_in_segments_and_by_country(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, type="text", content="Hi {{ first_name }}{{ first_name }}")
    for name, phone in (("Ada", "+14155550123"), ("é" * 80, "+4915112345678"), ("—" * 40, "1")):
        a_lead(conn, first_name=name, phone=phone)
    day = flowctl("forecast", "--days", "1", "--json").json()["days"][0]
    assert (day["text"], day["segments"]) == (3, 1 + 2 + 2)
    assert day["countries"] == {"US": 1, "DE": 1, "?": 1}


def test_what_cannot_go_is_counted_beside_it_each_message_once(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_flow(conn, "paused", paused_at=database_now(conn))
    a_step(conn, type="text", content="Hi")
    a_step(conn, type="text", content="Hi", flow="paused")
    a_lead(conn, phone=None)
    a_lead(conn, phone="  ")
    a_lead(conn, phone="(415) 555-0199")
    a_lead(conn, phone="+1 415 555 0124")
    conn.execute(
        "insert into suppressions (channel, address, source) "
        "values ('text', '+14155550124', 'manual')"
    )
    document = flowctl("forecast", "--json", env={"FLOWCTL_DEFAULT_REGION": "US"}).json()
    assert document["days"][0]["text"] == 8
    assert document["days"][0]["segments"] == 1
    assert document["cannot"] == {"no_address": 2, "suppressed": 1, "paused": 4}
    assert "2 without an address" in flowctl("forecast").stderr


def test_a_gap_puts_off_what_comes_too_soon(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, min_gap=timedelta(hours=24), timezone="UTC")
    for _ in range(3):
        a_step(conn)
    a_step(conn, type="text", content="Hi")
    a_lead(conn)
    days = flowctl("forecast", "--days", "4", "--json").json()["days"]
    assert [day["email"] for day in days] == [1, 1, 1, 0]
    assert days[0]["text"] == 1
    conn.execute(
        "update message_logs set status = 'sent', sent_at = now() where id = "
        "(select m.id from message_logs m join flow_steps s on s.id = m.flow_step_id "
        "where m.message_type = 'email' order by s.step_order limit 1)"
    )
    days = flowctl("forecast", "--days", "4", "--json").json()["days"]
    assert [day["email"] for day in days] == [0, 1, 1, 0]


def test_a_gap_ends_inside_the_window_as_preview_says(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    now = database_now(conn).astimezone(UTC)
    # open but for tomorrow
    days = [f"{now + timedelta(days=number):%a}".lower() for number in (0, 2, 3, 4, 5)]
    window = Json({"days": days})
    a_flow(conn, min_gap=timedelta(hours=25), timezone="UTC", send_window=window)
    for _ in range(3):
        a_step(conn)
    lead = a_lead(conn)
    shown = flowctl("preview", str(lead), "--json").json()["messages"]
    dates = Counter(one["scheduled_for"][:10] for one in shown)
    days_of_forecast = flowctl("forecast", "--days", "6", "--json").json()["days"]
    assert {one["date"]: one["email"] for one in days_of_forecast if one["email"]} == dates
    assert [one["email"] for one in days_of_forecast] == [1, 0, 1, 1, 0, 0]


def test_what_is_late_waits_for_the_window_that_it_meets(
    flowctl: RunFlowctl, conn: Connection, tmp_path: Path
) -> None:
    """Preview and forecast say what dispatch will do, also where the window was set later."""
    a_step(conn)
    lead = a_lead(conn)
    tomorrow = database_now(conn).astimezone(UTC) + timedelta(days=1)
    window = {"days": [f"{tomorrow:%a}".lower()], "start": "9:00 AM"}
    a_flow(conn, timezone="UTC", send_window=window)
    (shown,) = flowctl("preview", str(lead), "--explain", "--json").json()["messages"]
    assert shown["scheduled_for"] == f"{tomorrow:%Y-%m-%d}T09:00:00+00:00"
    assert "the send window (" in shown["explanation"][-1]
    days = flowctl("forecast", "--days", "3", "--json").json()["days"]
    assert [day["email"] for day in days] == [0, 1, 0]
    flowctl("dispatch", "--once", "--outbox", tmp_path)
    ((deferred_to,),) = messages(conn, "scheduled_for")
    assert deferred_to == datetime.fromisoformat(shown["scheduled_for"])


def test_one_flow_and_another_zone(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, "other", timezone="Asia/Tokyo")
    a_step(conn)
    a_step(conn, flow="other")
    a_lead(conn)
    document = flowctl("forecast", "--flow", "other", "--json").json()
    assert (document["timezone"], document["days"][0]["email"]) == ("Asia/Tokyo", 1)
    named = flowctl("forecast", "--timezone", "europe/paris", "--json").json()
    assert (named["timezone"], named["days"][0]["email"]) == ("Europe/Paris", 2)
    assert flowctl("forecast", "--timezone", "Mars/Base").exit_code == 2
    ran = flowctl("forecast", "--flow", "othr")
    assert ran.exit_code == 3
    assert "did you mean 'other'" in ran.stderr


def test_of_many_texts_some_are_drawn_and_counted_up(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, type="text", content="x" * 200)
    conn.execute(
        "insert into leads (phone) "
        "select '+1415555' || to_char(n, 'FM0000') from generate_series(1, 500) n"
    )
    ran = flowctl("forecast", "--json")
    day = ran.json()["days"][0]
    assert (day["text"], day["segments"], day["countries"]) == (500, 1000, {"US": 500})
    assert len(messages(conn, "id")) == 500
    assert "counted up" in flowctl("forecast").stderr
