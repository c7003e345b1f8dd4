"""``flowctl preview``: what it says is what the trigger schedules and what dispatch sends."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from flowctl import migrate
from tests.cli.previews import only, times
from tests.support.cli import RunFlowctl, run_flowctl
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.hostile import FORBIDDEN, HOSTILE
from tests.support.postgres import Connection, connect
from tests.support.roles import reader

KEYS = [
    "flow",
    "key",
    "step_order",
    "type",
    "scheduled_for",
    "status",
    "sent_at",
    "to",
    "subject",
    "content",
    "reason",
]

EXAMPLE = """
[[flows]]
name = "nurture"
timezone = "America/New_York"

[[flows.steps]]
key = "welcome"
type = "email"
subject = "Welcome, {{ first_name | default: 'friend' }}"
content = "Hello {{ first_name }}"

[[flows.steps]]
key = "reminder"
type = "email"
day = 2
time = "2:00 PM"
subject = "Still interested?"
content = "<p>Hello {{ first_name }}</p>"

[[flows.steps]]
key = "follow-up"
type = "text"
day = 1
time = "9:00 AM"
content = "Hi {{ first_name }}"
"""

NEW_YORK = [
    "2026-03-02T15:00:00-05:00",
    "2026-03-03T09:00:00-05:00",
    "2026-03-04T14:00:00-05:00",
]
"""The contract's example: a lead created Monday, 3:00 PM."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A steps file with the contract's example."""
    path = tmp_path / "flows.toml"
    path.write_text(EXAMPLE, "utf-8")
    return path


def test_a_file_is_previewed_without_being_synced(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    ran = flowctl("preview", "--created-at", "2026-03-02 15:00", "--file", file, "--json")
    document = ran.json()
    assert list(document) == ["lead_id", "timezone", "messages"]
    assert document["lead_id"] is None
    assert document["timezone"] == "America/New_York"
    assert [list(message) for message in document["messages"]] == [KEYS] * 3
    assert document["messages"][0] == {
        "flow": "nurture",
        "key": "welcome",
        "step_order": 1,
        "type": "email",
        "scheduled_for": NEW_YORK[0],
        "status": "pending",
        "sent_at": None,
        "to": None,
        "subject": "Welcome, friend",
        "content": "Hello ",
        "reason": None,
    }
    assert times(ran) == NEW_YORK
    assert [message["step_order"] for message in document["messages"]] == [1, 2, 3]
    assert [message["reason"] for message in document["messages"]] == [None] * 3
    assert conn.execute("select count(*) from flow_steps").fetchone() == (0,)


def test_after_a_sync_the_preview_is_the_same(flowctl: RunFlowctl, file: Path) -> None:
    lead = '{"first_name": "Ada", "email": "ada@example.com", "phone": "+14155550123"}'
    args = ("preview", "--created-at", "2026-03-02 15:00", "--lead", lead, "--json", "--explain")
    before = flowctl(*args, "--file", file)
    assert flowctl("steps", "sync", file).exit_code == 0
    assert flowctl(*args).json() == before.json()


def test_what_was_foretold_is_what_is_scheduled(flowctl: RunFlowctl, conn: Connection) -> None:
    window = {"start": "8:00 AM", "end": "8:00 PM", "types": ["text"]}
    a_flow(conn, timezone="Asia/Kathmandu", send_window=window)
    a_step(conn, key="now", type="text")
    a_step(conn, key="later", day=3)
    a_step(conn, key="evening", type="text", day=1, time="9:30 pm")
    row = {"timezone": "Australia/Lord_Howe", "email": "ada@example.com", "phone": "+14155550123"}
    lead = a_lead(conn, **row)
    (created,) = conn.execute("select created_at from leads").fetchone() or ("",)
    existing = flowctl("preview", str(lead), "--json")
    assert isinstance(created, datetime)
    new = flowctl(
        "preview", "--created-at", created.isoformat(), "--lead", json.dumps(row), "--json"
    )
    assert times(new) == times(existing)
    scheduled = conn.execute("select scheduled_for from message_logs order by 1").fetchall()
    assert [datetime.fromisoformat(time) for time in times(existing)] == [
        row[0] for row in scheduled
    ]
    assert existing.json()["timezone"] == "Australia/Lord_Howe"
    assert existing.json()["lead_id"] == str(lead)


@pytest.mark.parametrize(
    ("options", "first"),
    [
        (["--created-at", "2026-03-02 15:00"], "2026-03-02T15:00:00+05:45"),
        (["--created-at", "2026-03-02T15:00Z"], "2026-03-02T20:45:00+05:45"),
        (
            ["--created-at", "2026-03-02 15:00", "--timezone", "europe/paris"],
            "2026-03-02T15:00:00+01:00",
        ),
        (
            ["--created-at", "2026-03-02T15:00-05:00", "--timezone", "Europe/Paris"],
            "2026-03-02T21:00:00+01:00",
        ),
    ],
)
def test_when_is_read_in_the_given_zone_else_in_the_flows(
    options: list[str], first: str, flowctl: RunFlowctl, conn: Connection
) -> None:
    a_flow(conn, timezone="Asia/Kathmandu")
    a_step(conn)
    assert times(flowctl("preview", *options, "--json")) == [first]


def test_every_flow_reads_it_in_its_own_zone(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, "a", timezone="Asia/Tokyo")
    a_flow(conn, "b", timezone="America/New_York")
    a_step(conn, flow="b")
    a_step(conn, flow="a")
    ran = flowctl("preview", "--created-at", "2026-03-02 15:00", "--json")
    assert times(ran) == ["2026-03-02T15:00:00+09:00", "2026-03-02T15:00:00-05:00"]
    assert ran.json()["timezone"] == "Asia/Tokyo"
    one = flowctl("preview", "--created-at", "2026-03-02 15:00", "--flow", "b", "--json")
    assert times(one) == ["2026-03-02T15:00:00-05:00"]


def test_a_given_row_is_the_whole_lead(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, type="text")
    args = ("preview", "--created-at", "2026-03-02T15:00Z", "--json")
    assert only(flowctl(*args))["reason"] is None
    assert only(flowctl(*args, "--lead", "{}"))["reason"] == "lead has no phone"
    national = '{"phone": "(415) 555-0123"}'
    region = {"FLOWCTL_DEFAULT_REGION": "US"}
    assert only(flowctl(*args, "--lead", national, env=region))["to"] == "+14155550123"
    assert "no country" in only(flowctl(*args, "--lead", national))["reason"]


def test_people_see_a_table_and_what_the_lead_will_read(flowctl: RunFlowctl, file: Path) -> None:
    ran = flowctl(
        "preview", "--created-at", "2026-03-02 15:00", "--file", file, "--lead",
        '{"first_name": "Ada", "email": "ada@example.com"}',
    )  # fmt: skip
    assert ran.exit_code == 0
    lines = ran.stdout.splitlines()
    assert lines[1].startswith("Mon 2 Mar 2026, 3:00 PM  nurture/welcome")
    assert lines[2].endswith("pending  lead has no phone")
    assert "  | Subject: Welcome, Ada" in lines
    assert lines[-1] == "  | Hello Ada"


def test_a_hostile_lead_stays_text(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, content="{{ source }}", subject="{{ source }}")
    lead = a_lead(conn, source=HOSTILE, timezone=HOSTILE)
    ran = flowctl("preview", str(lead), "--explain")
    assert ran.exit_code == 0
    assert "[bold]Ada[/bold] [/x]" in ran.stdout
    assert "{{ email }}" in ran.stdout
    assert not any(character in ran.stdout + ran.stderr for character in FORBIDDEN)
    assert "{{ email }}" in only(flowctl("preview", str(lead), "--json"))["content"]


@pytest.mark.parametrize(
    ("args", "status", "error"),
    [
        ([], 2, "preview needs a lead's id or --created-at"),
        (["1", "--created-at", "2026-03-02"], 2, "contradict each other"),
        (["1", "--lead", "{}"], 2, "--lead goes only with --created-at"),
        (["1", "--file", "x"], 3, "x: no such file"),
        (["1"], 3, "no lead has the id '1'"),
        (["00000000-0000-0000-0000-000000000000"], 3, "no lead has the id"),
        (["--created-at", "monday"], 2, "is not a date and time such as"),
        (["--created-at", "9999-01-01"], 2, "is not a date and time such as"),
        (["--created-at", "2026-03-02", "--timezone", "Mars"], 3, "'Mars' is not an IANA"),
        (["--created-at", "2026-03-02", "--timezone", "EST5EDT4"], 3, "is not an IANA time zone"),
        (["--created-at", "2026-03-02", "--lead", "{"], 3, "--lead: not JSON"),
        (["--created-at", "2026-03-02", "--lead", "[]"], 3, "--lead: JSON, but no object"),
        (["--created-at", "2026-03-02", "--lead", '{"a": NaN}'], 3, "--lead: not JSON"),
        (
            ["--created-at", "2026-03-02", "--lead", '{"a": "\\u0000"}'],
            3,
            "a character that PostgreSQL cannot store",
        ),
        (["--created-at", "2026-03-02", "--flow", "defalt"], 3, "there is no flow 'defalt'"),
        (["--created-at", "2026-03-02", "--file", "missing.toml"], 3, "missing.toml: no such"),
        (["--created-at", "2026-03-02", "--html", "no/such/page"], 3, "no/such/page: no such file"),
    ],
)
def test_bad_input(args: list[str], status: int, error: str, flowctl: RunFlowctl) -> None:
    ran = flowctl("preview", *args)
    assert ran.exit_code == status
    assert ran.stdout == ""
    first, hint = ran.stderr.splitlines()
    assert first.startswith("error: ")
    assert error in first
    assert hint.startswith("hint: ")


def test_nothing_to_preview_is_said(flowctl: RunFlowctl) -> None:
    ran = flowctl("preview", "--created-at", "2026-03-02T15:00Z")
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert "there are no steps: flowctl steps sync FILE" in ran.stderr
    empty = flowctl("preview", "--created-at", "2026-03-02T15:00Z", "--json")
    assert empty.json() == {"lead_id": None, "timezone": "UTC", "messages": []}


def test_a_reader_can_preview(
    flowctl: RunFlowctl, conn: Connection, database: str, file: Path
) -> None:
    a_step(conn)
    lead = a_lead(conn)
    with reader(conn, database) as url:
        env = {"DATABASE_URL": url}
        assert flowctl("preview", str(lead), "--json", env=env).exit_code == 0
        changed = flowctl("preview", str(lead), "--file", file, "--all", "--json", env=env)
        assert {one["flow"] for one in changed.json()["messages"]} == {"default", "nurture"}
        args = ("preview", "--created-at", "2026-03-02 15:00", "--file", file, "--json")
        assert times(flowctl(*args, env=env)) == NEW_YORK


def test_without_a_schema_there_is_no_preview(empty_database: str) -> None:
    ran = run_flowctl("preview", "--created-at", "2026-03-02", env={"DATABASE_URL": empty_database})
    assert ran.exit_code == 5
    assert "apply-schema" in ran.stderr


@pytest.mark.parametrize("id_type", ["bigint", "integer", "text"])
def test_leads_may_have_any_kind_of_id(id_type: str, empty_database: str) -> None:
    env = {"DATABASE_URL": empty_database}
    with connect(empty_database) as conn:
        conn.execute(
            sql.SQL(
                "create table leads (id {} primary key, created_at timestamp, data jsonb)"
            ).format(sql.SQL(id_type))
        )
        migrate.apply(conn)
        a_step(conn, content="{{ data.name }}")
        conn.execute("insert into leads values (7, 'infinity', %s)", (Jsonb({"name": "Ada"}),))
    message = only(run_flowctl("preview", "7", "--json", env=env))
    assert message["content"] == "Ada"
    assert message["reason"] == "lead has no email"
    for unknown in ("8", "x", "99999999999999999999"):
        assert run_flowctl("preview", unknown, "--json", env=env).exit_code == 3
