"""``flowctl preview``: what it says is what the trigger schedules and what dispatch sends."""

import json
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from flowctl import migrate
from tests.support.cli import Ran, RunFlowctl, run_flowctl
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


def times(ran: Ran) -> list[str]:
    assert ran.exit_code == 0, ran.stderr
    return [message["scheduled_for"] for message in ran.json()["messages"]]


def only(ran: Ran) -> Any:
    """The one message of a preview."""
    assert ran.exit_code == 0, ran.stderr
    (message,) = ran.json()["messages"]
    return message


def explanation(ran: Ran) -> str:
    return "\n".join(only(ran)["explanation"])


def set_message(conn: Connection, **columns: object) -> None:
    """Change every message."""
    for column, value in columns.items():
        conn.execute(
            sql.SQL("update message_logs set {} = %s").format(sql.Identifier(column)), (value,)
        )


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


def test_what_was_sent_is_shown_as_it_was_sent(flowctl: RunFlowctl, conn: Connection) -> None:
    step = a_step(conn, key="welcome", content="{{ first_name }}")
    lead = a_lead(conn, timezone="Asia/Tokyo")
    set_message(
        conn, sent_at="2026-03-02T15:00Z", recipient="old@example.com", subject="{{ raw }}",
        content="as sent {{ raw }}", status="sent",
    )  # fmt: skip
    message = only(flowctl("preview", str(lead), "--json"))
    assert message["status"] == "sent"
    assert message["sent_at"] == "2026-03-03T00:00:00+09:00"
    assert message["to"] == "old@example.com"
    assert message["subject"] == "{{ raw }}"
    assert message["content"] == "as sent {{ raw }}"
    assert message["reason"] is None
    conn.execute("delete from flow_steps where id = %s", (step,))
    orphan = only(flowctl("preview", str(lead), "--json"))
    assert (orphan["flow"], orphan["key"], orphan["step_order"]) == (None, None, None)
    assert orphan["sent_at"] == "2026-03-03T00:00:00+09:00"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_ended_badly_says_why(status: str, flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    lead = a_lead(conn)
    set_message(conn, status=status, error_message="550 no such user")
    message = only(flowctl("preview", str(lead), "--json"))
    assert (message["status"], message["reason"]) == (status, "550 no such user")
    assert message["content"] == "Hello Ada"


def test_what_is_not_scheduled_says_why(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, "off", enabled=False)
    a_flow(conn, "others", audience={"source": "fair"})
    a_step(conn, key="behind", day=1)
    a_step(conn, key="off", enabled=False)
    a_step(conn, flow="off", key="of-flow-off")
    a_step(conn, flow="others", key="not-in-audience")
    lead = a_lead(conn, created_at="2026-03-02T15:00Z")
    a_step(conn, key="added-later", day=3650)
    in_none = flowctl("preview", str(lead))
    assert (in_none.exit_code, in_none.stdout) == (0, "")
    assert "the lead is in no flow: --all shows" in in_none.stderr
    ran = flowctl("preview", str(lead), "--all", "--json")
    found = {message["key"]: message for message in ran.json()["messages"]}
    assert {key: message["reason"] for key, message in found.items()} == {
        "behind": "its date has passed for this lead",
        "off": "step is off",
        "of-flow-off": "flow is off",
        "not-in-audience": "lead is not in the audience",
        "added-later": "step was added or enabled after the lead came; "
        "leads enroll would schedule it",
    }
    assert {message["status"] for message in found.values()} == {None}
    assert found["behind"]["scheduled_for"] == "2026-03-03T15:00:00+00:00"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update leads set email = null", "lead has no email"),
        ("update leads set email = ' '", "lead has no email"),
        ("update flow_steps set enabled = false", "step is off"),
        ("update flows set enabled = false", "flow is off"),
        ('update flows set exit_when = \'{"status": "won"}\'', "lead left the flow (exit_when)"),
        ("insert into suppressions values ('email', 'ada@example.com')", "recipient is suppressed"),
        ("update message_logs set error_message = '421 busy'", "421 busy"),
        (
            "update flows set expire_after = '1 microsecond'",
            "expired: more than 00:00:00.000001 late",
        ),
    ],
)
def test_what_will_keep_a_pending_message_back(
    change: str, reason: str, flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn)
    lead = a_lead(conn, email="Ada@Example.com", status="won")
    conn.execute(change.encode())
    message = only(flowctl("preview", str(lead), "--json"))
    assert message["status"] == "pending"
    assert message["reason"] == reason


def test_a_template_that_fails_is_the_reason(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, content="{{ first_name | divided_by: 0 }}")
    message = only(flowctl("preview", str(a_lead(conn)), "--json"))
    assert message["reason"].startswith("template: ")
    assert message["content"] is None


def test_a_given_row_is_the_whole_lead(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, type="text")
    args = ("preview", "--created-at", "2026-03-02T15:00Z", "--json")
    assert only(flowctl(*args))["reason"] is None
    assert only(flowctl(*args, "--lead", "{}"))["reason"] == "lead has no phone"
    national = '{"phone": "(415) 555-0123"}'
    region = {"FLOWCTL_DEFAULT_REGION": "US"}
    assert only(flowctl(*args, "--lead", national, env=region))["to"] == "+14155550123"
    assert "no country" in only(flowctl(*args, "--lead", national))["reason"]


@pytest.mark.parametrize(
    ("zone", "when", "step", "said"),
    [
        ("UTC", "2026-03-02 15:00", {}, "at once, when the lead is created"),
        ("UTC", "2026-03-02 15:00", {"day": 2}, "2 days later at the same time of day: Wed 4 Mar"),
        (
            "America/New_York",
            "2026-03-07 12:00",
            {"day": 1, "time": "2:30 AM"},
            "2:30 AM does not exist on that day, the clock goes forward: Sun 8 Mar 2026, 3:30 AM",
        ),
        (
            "America/New_York",
            "2026-10-31 12:00",
            {"day": 1, "time": "1:30 AM"},
            "1:30 AM comes twice on that day, the clock goes back: the later",
        ),
        ("UTC", "2026-03-02 15:00", {"time": "9:00 AM"}, "already past when it was scheduled"),
        (
            "UTC",
            "2026-03-07 12:00",
            {"type": "text"},
            "outside the send window (8:00 AM to 8:00 PM, mon, tue): moved to Mon 9 Mar 2026, 8:00",
        ),
        ("UTC", "2026-03-02 12:00", {"type": "text"}, "inside the send window (8:00 AM to"),
        ("UTC", "2026-03-02 12:00", {"enabled": False}, "not scheduled: step is off"),
        ("Mars/Base", "2026-03-02 12:00", {}, "the lead's 'Mars/Base' is not an IANA time zone"),
    ],
)
def test_each_time_is_explained(
    zone: str, when: str, step: dict[str, Any], said: str, *, flowctl: RunFlowctl, conn: Connection
) -> None:
    known = zone != "Mars/Base"
    window = {"start": "8:00 AM", "end": "8:00 PM", "days": ["mon", "tue"], "types": ["text"]}
    a_flow(conn, timezone=zone if known else "UTC", send_window=window)
    a_step(conn, **step)
    lead = "{}" if known else json.dumps({"timezone": zone})
    args = ("preview", "--created-at", when, "--lead", lead, "--explain", "--json")
    assert said in explanation(flowctl(*args))


def test_a_gap_is_explained(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, min_gap="4 hours")
    a_step(conn, key="first")
    a_step(conn, key="second", day=0, time="4:00 PM")
    a_step(conn, key="other-channel", type="text")
    ran = flowctl("preview", "--created-at", "2026-03-02 15:00", "--explain", "--json")
    said = {message["key"]: message["explanation"] for message in ran.json()["messages"]}
    assert said["second"][-1] == (
        "min_gap 4h after the message before it: it waits until about Mon 2 Mar 2026, 7:00 PM"
    )
    assert not any("min_gap" in sentence for sentence in said["first"] + said["other-channel"])


def test_a_preview_keeps_the_gaps_that_dispatch_will_keep(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_flow(conn, min_gap="20 hours", send_window={"start": "8:00 AM", "end": "6:00 PM"})
    for number, at in enumerate(("9:00 AM", "10:00 AM", "11:00 AM"), start=1):
        a_step(conn, key=f"step-{number}", time=at, time_type="specific")
    ran = flowctl("preview", "--created-at", "2026-03-02 08:00", "--json")
    assert [(m["key"], m["scheduled_for"]) for m in ran.json()["messages"]] == [
        ("step-1", "2026-03-02T09:00:00+00:00"),
        ("step-2", "2026-03-03T08:00:00+00:00"),
        ("step-3", "2026-03-04T08:00:00+00:00"),
    ]


def test_a_gap_counts_from_what_was_sent_and_from_now(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_flow(conn, min_gap="20 hours")
    for number in range(3):
        a_step(conn, key=f"step-{number}")
    lead = a_lead(conn)
    conn.execute(
        "update message_logs m set status = 'sent', sent_at = now() - interval '1 hour'"
        " from flow_steps s where s.id = m.flow_step_id and s.key = 'step-0'"
    )
    sent, first, second = flowctl("preview", str(lead), "--json").json()["messages"]
    waits = [
        datetime.fromisoformat(late["scheduled_for"]) - datetime.fromisoformat(sent["sent_at"])
        for late in (first, second)
    ]
    assert waits == [timedelta(hours=20), timedelta(hours=40)]


def test_a_message_that_was_moved_says_so(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    lead = a_lead(conn)
    set_message(conn, scheduled_for="2999-01-01T00:00Z", retry_at="2999-01-02T00:00Z")
    said = explanation(flowctl("preview", str(lead), "--explain", "--json"))
    assert "it stands at Tue 1 Jan 2999, 12:00 AM" in said
    assert "the next attempt is not before Wed 2 Jan 2999, 12:00 AM" in said


def test_people_see_a_table_and_what_the_lead_will_read(flowctl: RunFlowctl, file: Path) -> None:
    ran = flowctl(
        "preview", "--created-at", "2026-03-02 15:00", "--file", file, "--lead",
        '{"first_name": "Ada", "email": "ada@example.com"}',
    )  # fmt: skip
    assert ran.exit_code == 0
    lines = ran.stdout.splitlines()
    assert lines[1].startswith("Mon 2 Mar 2026, 3:00 PM  America/New_York  nurture/welcome")
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


class _Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.frames: list[dict[str, str | None]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "iframe":
            self.frames.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_shows_the_inbox_line_the_frame_and_the_bubble(
    flowctl: RunFlowctl, conn: Connection, tmp_path: Path
) -> None:
    a_flow(conn, "other", sender={"email_from": "Bo <bo@example.com>"})
    long = "".join(f"<p>{'word ' * 40}</p>" for _ in range(20))
    a_step(conn, subject="Hi", content=f"<p>Dear {{{{ first_name }}}}</p>{long}", key="a")
    a_step(conn, subject="Hi", content="<p>Short</p>", flow="other", key="b")
    a_step(conn, type="text", content="é" * 161, key="c")
    lead = a_lead(conn)
    path = tmp_path / "page.html"
    flowctl("preview", str(lead), "--html", path, env={"EMAIL_FROM": "Acme <us@example.com>"})
    found = _Page(path.read_text("utf-8"))
    for words in ("Acme <us@example.com>", "Dear Ada word", "Bo <bo@example.com>", "2 segments"):
        assert words in found.words
    assert [frame["style"] for frame in found.frames] == ["height:120rem", "height:22rem"]
    assert all("sandbox" in frame and not frame["sandbox"] for frame in found.frames)


def test_the_page_runs_and_loads_nothing(
    flowctl: RunFlowctl, conn: Connection, tmp_path: Path
) -> None:
    a_step(conn, content="{{ source }}", subject="{{ source }}", key="plain")
    a_step(conn, content='<p>{{ source }} <img src="https://example.com/x"></p>', day=1)
    lead = a_lead(conn, source=HOSTILE)
    path = tmp_path / "page.html"
    ran = flowctl("preview", str(lead), "--html", path, "--explain")
    assert ran.exit_code == 0
    assert f"{path}: written" in ran.stderr
    page = path.read_text("utf-8")
    found = _Page(page)
    assert not found.tags & {"script", "img", "link", "a", "form"}
    assert "<script>alert(1)</script>" in found.words
    (frame,) = found.frames
    assert "sandbox" in frame
    assert "&lt;script&gt;" in (frame["srcdoc"] or "")
    assert "default-src &#x27;none&#x27;" in page


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
