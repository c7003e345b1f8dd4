"""``preview LEAD --file``: what a lead would get once the file is synced and messages follow."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.postgres import Connection

BEFORE = """
[[flows]]
name = "n"
timezone = "America/New_York"

[[flows.steps]]
key = "welcome"
type = "email"
subject = "Welcome"
content = "Hello"

[[flows.steps]]
key = "text"
type = "text"
day = 2
time = "9:00 AM"
content = "Hi {{ first_name }}"

[[flows.steps]]
key = "late"
type = "email"
day = 4
time = "10:00 PM"
subject = "Late"
content = "Late"

[[flows.steps]]
key = "gone"
type = "text"
day = 5
content = "x"
"""

AFTER = """
[[flows]]
name = "m"
was = "n"
timezone = "America/New_York"
send_window = { start = "8:00 AM", end = "8:00 PM", days = ["mon", "wed", "fri"] }
min_gap = "90m"
audience = { source = "nobody" }

[[flows.steps]]
key = "new"
type = "text"
day = 3
content = "New"

[[flows.steps]]
key = "hello"
was = "welcome"
type = "email"
subject = "Hello"
content = "Hello again"

[[flows.steps]]
key = "late"
type = "text"
day = 1
time = "9:30 PM"
content = "Earlier, {{ first_name }}"

[[flows.steps]]
key = "text"
type = "text"
day = 6
time = "9:00 AM"
content = "Later"

[[flows.steps]]
key = "again"
type = "text"
day = 6
time = "9:00 AM"
content = "Once more"
"""

OTHER = '[[flows]]\nname = "other"\n[[flows.steps]]\nkey = "a"\ntype = "text"\ncontent = "x"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flows.toml"


def sync(flowctl: RunFlowctl, file: Path, content: str, *options: str) -> None:
    file.write_text(content, "utf-8")
    ran = flowctl("steps", "sync", file, *options)
    assert ran.exit_code == 0, ran.stderr


def shown(flowctl: RunFlowctl, lead: object, *options: str | Path) -> list[dict[str, Any]]:
    """The messages of a preview; those that a sync has cancelled are pending before it."""
    ran = flowctl("preview", str(lead), "--json", *options)
    assert ran.exit_code == 0, ran.stderr
    messages: list[dict[str, Any]] = ran.json()["messages"]
    for message in messages:
        if message["status"] == "cancelled":
            message["status"] = "pending"
    return messages


def test_a_file_shows_what_a_sync_makes_of_a_lead(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    sync(flowctl, file, BEFORE)
    by_hand = a_step(conn, flow="n", type="text", day=2, content="by hand")
    a_flow(conn, "crm")
    a_step(conn, flow="crm", key="a", type="text", day=1)
    created = "2999-03-01 15:00 America/New_York"
    lead = a_lead(conn, timezone="America/Chicago", created_at=created)
    conn.execute(
        "update message_logs set status = 'sent', sent_at = '2999-03-01 15:00 America/Chicago',"
        " recipient = 'ada@example.com' where subject = 'Welcome'"
    )
    conn.execute("update message_logs set content = 'my own' where flow_step_id = %s", (by_hand,))
    conn.execute(
        "update message_logs set shifted_days = 2, planned_for = planned_for + '2 days',"
        " scheduled_for = scheduled_for + '2 days' where content = 'x'"
    )
    file.write_text(AFTER, "utf-8")
    before = conn.execute("select * from message_logs order by id").fetchall()
    foretold = shown(flowctl, lead, "--file", file)
    assert conn.execute("select * from message_logs order by id").fetchall() == before
    sync(flowctl, file, AFTER, "--update-pending")
    assert foretold == shown(flowctl, lead)
    told = {(one["flow"], one["key"]): one for one in foretold}
    assert told["m", "hello"]["status"] == "sent"
    assert told["m", "hello"]["content"] == "Hello"
    assert told["m", "gone"]["reason"] == "step is off"
    assert told["m", "new"]["status"] is None
    assert told["m", "late"]["scheduled_for"] == "2999-03-04T08:00:00-06:00"
    assert told["m", "late"]["content"] == "Earlier, Ada"
    assert told["m", None]["content"] == "my own"
    assert told["crm", "a"]["status"] == "pending"


def test_what_is_enrolled_or_being_sent_or_behind(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    sync(flowctl, file, BEFORE)
    conn.execute("alter table leads disable trigger user")
    lead = a_lead(conn, created_at="2020-01-01")
    conn.execute("alter table leads enable trigger user")
    enrolled = flowctl("leads", "enroll", str(lead), "--flow=n", "--from=now", "--yes")
    assert enrolled.exit_code == 0, enrolled.stderr
    conn.execute(
        "insert into flowctl.sends (message_id, lead_id, channel, transport, recipient, content,"
        " claimed_by, lease_until) select id, lead_id, 'email', 'smtp', 'ada@example.com', 'x',"
        " gen_random_uuid(), now() + '1 hour' from message_logs where subject = 'Welcome'"
    )
    after = BEFORE.replace("day = 4", "day = 1").replace("day = 2", "day = 0").replace(
        "Hello", "Changed"
    )  # fmt: skip
    conn.execute("update message_logs set created_at = created_at - interval '3 days',"
                 " counted_from = counted_from - interval '3 days'")  # fmt: skip
    file.write_text(after, "utf-8")
    foretold = shown(flowctl, lead, "--file", file)
    sync(flowctl, file, after, "--update-pending")
    assert foretold == shown(flowctl, lead)
    told = {one["key"]: one for one in foretold}
    assert told["welcome"]["content"] == "Hello"


def test_flows_that_the_lead_is_not_in_are_shown_with_all(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    sync(flowctl, file, BEFORE)
    lead = a_lead(conn)
    file.write_text(OTHER, "utf-8")
    flows = {one["flow"] for one in shown(flowctl, lead, "--file", file)}
    assert flows == {"n"}
    everything = shown(flowctl, lead, "--file", file, "--all")
    assert {one["flow"] for one in everything} == {"n", "other"}
    assert [one["flow"] for one in shown(flowctl, lead, "--file", file, "--flow=other")] == [
        "other"
    ]
    stranger = flowctl("preview", str(lead), "--file", file, "--flow=othr")
    assert stranger.exit_code == 3
    assert "did you mean 'other'?" in stranger.stderr
    a_flow(conn, "crm", audience={"source": "x"})
    a_step(conn, flow="crm", key="a", type="text")
    assert "crm" not in {one["flow"] for one in shown(flowctl, lead)}
    assert "crm" in {one["flow"] for one in shown(flowctl, lead, "--all")}


def test_names_that_a_sync_would_refuse(flowctl: RunFlowctl, conn: Connection, file: Path) -> None:
    sync(flowctl, file, BEFORE)
    lead = a_lead(conn)
    clash = BEFORE.replace('key = "late"', 'key = "late"\nwas = "dropped"')
    sync(flowctl, file, BEFORE.replace('key = "gone"', 'key = "dropped"'))
    file.write_text(clash, "utf-8")
    ran = flowctl("preview", str(lead), "--file", file)
    assert ran.exit_code == 3
    assert "the database has both steps, 'dropped' and 'late'" in ran.stderr


def test_a_merge_field_of_no_column_is_named(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    a_step(conn, type="text", content="Hi {{ firstname }} *|LNAME|*", day=1)
    lead = a_lead(conn)
    field = "{{ firstname }} is not a column of leads and stays empty"
    foreign = "*|LNAME|* is another system's merge field and stays as it is, write {{ last_name }}"
    said = flowctl("preview", str(lead)).stderr
    assert f"warning: default/#1: content: {field}, did you mean {{{{ first_name }}}}?" in said
    assert f"warning: default/#1: content: {foreign}" in said
    file.write_text(OTHER.replace('"x"', '"{{ firstname }}"'), "utf-8")
    new = flowctl("preview", "--created-at", "2026-03-02", "--file", file, "--json")
    assert new.stderr.splitlines()[-1].startswith(f"warning: other/a: content: {field}")
    assert new.json()["messages"][0]["content"] is None
    conn.execute("update message_logs set status = 'sent', sent_at = now()")
    assert "warning" not in flowctl("preview", str(lead)).stderr
