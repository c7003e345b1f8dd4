"""The steps file and the database: ``steps sync``, ``steps list``, ``steps export``."""

from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from tests.cli.steps_files import ONE, TWO, add_lead, messages, steps, synced
from tests.support.cli import RunFlowctl
from tests.support.postgres import Connection

EXAMPLE = Path(__file__).parents[2] / "flows.example.toml"
KEYS = {"id", "flow", "key", "step_order", "type", "subject", "content", "day", "time", "time_type"}


def test_the_example_is_synced_once(flowctl: RunFlowctl) -> None:
    names = ["nurture/welcome", "nurture/follow-up", "nurture/reminder"]
    counts = {"pending_kept": 0, "pending_updated": 0}
    first = flowctl("steps", "sync", EXAMPLE, "--json")
    assert first.exit_code == 0
    empty: dict[str, object] = {"updated": [], "disabled": [], **counts}
    assert first.json().items() >= {"created": names, "unchanged": [], **empty}.items()
    again = flowctl("steps", "sync", EXAMPLE, "--json").json()
    assert again.items() >= {"created": [], "unchanged": names, **empty}.items()


def test_the_example_gives_the_promised_schedule(flowctl: RunFlowctl, conn: Connection) -> None:
    flowctl("steps", "sync", EXAMPLE)
    add_lead(conn, "'2999-03-04 15:00 America/New_York'")
    times = conn.execute(
        "select to_char(scheduled_for at time zone 'America/New_York', 'Dy FMHH12:MI AM')"
        " from message_logs order by scheduled_for"
    ).fetchall()
    assert times == [("Mon 3:00 PM",), ("Tue 9:00 AM",), ("Wed 2:00 PM",)]


def test_a_file_is_made_so(flowctl: RunFlowctl, conn: Connection, file: Path) -> None:
    said = synced(flowctl, file, ONE + TWO)
    assert said == {"flows_created": ["n"], "created": ["n/a", "n/b"]}
    changed = ONE.replace("eins", "uno").replace("New_York", "Chicago")
    assert synced(flowctl, file, changed) == {
        "flows_updated": ["n"],
        "updated": ["n/a"],
        "disabled": ["n/b"],
    }
    assert steps(conn) == {"a": (1, True, "uno"), "b": (2, False, "two")}
    assert synced(flowctl, file, changed + TWO) == {"updated": ["n/b"], "unchanged": ["n/a"]}
    assert steps(conn)["b"] == (2, True, "two")
    zone = conn.execute("select timezone from flows where name = 'n'").fetchone()
    assert zone == ("America/Chicago",)


def test_every_setting_reaches_the_table(flowctl: RunFlowctl, conn: Connection, file: Path) -> None:
    settings = """
enabled = false
audience = { source = "web", tags = ["a"] }
exit_when = '{"status": null}'
send_window = { start = "20:00", end = "8 am", days = ["fri", "mon"] }
expire_after = "36h"
min_gap = "90m"
dedupe_address = true
"""
    content = settings + TWO.replace("flows.steps", "steps")
    synced(flowctl, file, content)
    row = conn.execute(
        "select enabled, timezone, audience, exit_when, send_window, expire_after::text,"
        " min_gap::text, dedupe_address from flows where name = 'default'"
    ).fetchone()
    assert row == (
        False,
        "UTC",
        {"source": "web", "tags": ["a"]},
        {"status": None},
        {"start": "8:00 PM", "end": "8:00 AM", "days": ["mon", "fri"]},
        "1 day 12:00:00",
        "01:30:00",
        True,
    )
    assert synced(flowctl, file, content) == {"unchanged": ["default/b"]}
    assert synced(flowctl, file, TWO.replace("flows.steps", "steps")) == {
        "flows_updated": ["default"],
        "unchanged": ["default/b"],
    }


def test_the_file_orders_steps_of_one_time(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    second = TWO.replace('"b"', '"c"')
    synced(flowctl, file, ONE + TWO + second)
    assert {key: row[0] for key, row in steps(conn).items()} == {"a": 1, "b": 2, "c": 3}
    assert synced(flowctl, file, ONE + second + TWO) == {
        "updated": ["n/c", "n/b"],
        "unchanged": ["n/a"],
    }
    assert {key: row[0] for key, row in steps(conn).items()} == {"a": 1, "c": 2, "b": 3}


def test_steps_without_a_key_and_other_flows_are_left_alone(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE)
    conn.execute("insert into flows (name) values ('crm')")
    conn.execute(
        "insert into flow_steps (flow, key, type, time_type, content)"
        " values ('n', null, 'text', 'immediately', 'by hand'),"
        " ('crm', 'a', 'text', 'immediately', 'by hand')"
    )
    assert synced(flowctl, file, ONE) == {"unchanged": ["n/a"]}
    assert conn.execute("select count(*) from flow_steps where enabled").fetchone() == (3,)


def test_a_dry_run_says_all_and_changes_nothing(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn)
    before = (steps(conn), messages(conn))
    said = synced(flowctl, file, ONE.replace("eins", "uno"), "--dry-run", "--update-pending")
    assert said == {
        "updated": ["n/a"],
        "disabled": ["n/b"],
        "pending_updated": 2,
        "pending_cancelled": 1,
        "cancelling": {"n/b": 1},
    }
    assert (steps(conn), messages(conn)) == before


def test_two_syncs_wait_for_each_other(
    flowctl: RunFlowctl, conn: Connection, database: str, file: Path
) -> None:
    file.write_text(ONE)
    with psycopg.connect(database) as other:
        other.execute("select pg_advisory_xact_lock(hashtext('flowctl.steps'))")
        ran = flowctl("steps", "sync", file, env={"PGOPTIONS": "-c lock_timeout=200ms"})
    assert ran.exit_code == 4
    assert steps(conn) == {}


def test_the_plan_is_shown_to_people(flowctl: RunFlowctl, conn: Connection, file: Path) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn)
    file.write_text(ONE.replace("eins", "uno").replace("day = 1", "day = 2"))
    ran = flowctl("steps", "sync", file, "--dry-run")
    assert ran.stdout.splitlines() == [
        "update   n/a",
        "         content:",
        "         @@ -1 +1 @@",
        "         -eins",
        "         +uno",
        "         day: 1 -> 2",
        "         1 pending message keeps the old text and time",
        "disable  n/b: not in the file",
        "         1 pending message will be cancelled",
    ]
    assert "stay as they were scheduled: 1 of 1 lead (--update-pending" in ran.stderr
    assert "since their step or flow is off: 1 of 1 lead (flowctl flows pause" in ran.stderr
    assert "dry run: nothing was changed" in ran.stderr


def test_all_mistakes_are_told_and_nothing_is_written(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    file.write_text(ONE + TWO.replace("email", "sms") + 'tim = "x"\n')
    ran = flowctl("steps", "sync", file)
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert f"error: {file}: 2 mistakes" in ran.stderr
    assert "flow 'n' step 'b': type: 'sms', expected 'email' or 'text'" in ran.stderr
    assert "flow 'n' step 'b': tim: unknown key, expected 'time'" in ran.stderr
    assert steps(conn) == {}


def test_a_missing_file_is_the_first_thing_told(flowctl: RunFlowctl, tmp_path: Path) -> None:
    ran = flowctl("steps", "sync", tmp_path / "no.toml", env={"DATABASE_URL": None})
    assert ran.exit_code == 3
    assert "no.toml: no such file" in ran.stderr


def test_what_the_database_refuses_is_told_and_rolled_back(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    conn.execute("delete from flowctl.zones where name = 'America/New_York'")
    file.write_text(ONE + TWO)
    ran = flowctl("steps", "sync", file)
    assert ran.exit_code == 3
    assert 'flow "n": timezone: "America/New_York" is not an IANA time zone' in ran.stderr
    assert steps(conn) == {}


@pytest.mark.parametrize("command", [("sync", EXAMPLE), ("list",), ("export",)])
def test_a_database_without_the_schema_is_told_the_remedy(
    flowctl: RunFlowctl, empty_database: str, command: tuple[str | Path, ...]
) -> None:
    ran = flowctl("steps", *command, env={"DATABASE_URL": empty_database})
    assert ran.exit_code == 5
    assert "hint: create it: flowctl apply-schema" in ran.stderr


def test_the_list_has_every_step_in_order(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    assert flowctl("steps", "list", "--json").json() == []
    assert "flowctl steps sync FILE" in flowctl("steps", "list").stderr
    synced(flowctl, file, ONE + TWO)
    conn.execute(
        "insert into flow_steps (flow, type, time_type, subject, content, enabled)"
        " values ('n', 'email', 'immediately', '[bold]first', 'x', false)"
    )
    listed = flowctl("steps", "list", "--json").json()
    assert all(step.keys() == KEYS | {"enabled", "format", "updated_at"} for step in listed)
    changed = {step["key"]: datetime.fromisoformat(step["updated_at"]) for step in listed}
    conn.execute("update flow_steps set updated_at = '2026-03-02 15:00+00'")
    synced(flowctl, file, ONE.replace("eins", "uno") + TWO)
    listed = flowctl("steps", "list", "--flow", "n", "--json").json()
    assert datetime.fromisoformat(listed[1]["updated_at"]) > changed["a"]
    conn.execute("update flow_steps set updated_at = '2026-03-02 15:00+00'")
    assert flowctl("steps", "list", "--flow", "default", "--json").json() == []
    assert "did you mean 'n'?" in flowctl("steps", "list", "--flow", "N").stderr
    assert [(step["step_order"], step["key"], step["enabled"]) for step in listed] == [
        (1, None, False),
        (2, "a", True),
        (3, "b", True),
    ]
    assert flowctl("steps", "list").stdout.splitlines() == [
        "step        type   day             changed (UTC)     content",
        "n/#1 (off)  email  0, immediately  2026-03-02 15:00  [bold]first",
        "n/a         text   1, 9:00 AM      2026-03-02 15:00  uno",
        "n/b         email  2, immediately  2026-03-02 15:00  two",
    ]


ODD = """
[[flows]]
name = "n"
audience = { Status = "new" }
exit_when = { score = "7", kind = "gone" }
[[flows.steps]]
key = "a"
type = "email"
subject = "Hi {{ firstname }}"
content = "Hello"
[[flows.steps]]
key = "b"
type = "email"
subject = "Hi"
content = "Hello *|FNAME|*"
"""


def test_what_can_hardly_be_meant_is_said_and_done(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    conn.execute("create type kind as enum ('new', 'old')")
    conn.execute("alter table leads add score int, add kind kind, add tags text[]")
    synced(flowctl, file, ONE.replace('"n"', '"gone"'))
    file.write_text(ODD)
    ran = flowctl("steps", "sync", file, "--json")
    assert ran.exit_code == 0
    assert ran.json()["created"] == ["n/a", "n/b"]
    assert [(one["flow"], one["key"], one["field"]) for one in ran.json()["warnings"]] == [
        ("n", None, "audience"),
        ("n", None, "exit_when"),
        ("n", None, "exit_when"),
        ("n", "a", "subject"),
        ("n", "a", "content"),
        ("n", "b", "content"),
        ("n", "b", "content"),
        ("gone", None, "name"),
    ]
    lines = [line for line in ran.stderr.splitlines() if line.startswith("warning: ")]
    assert len(lines) == 7
    assert "warning: n/a, n/b: content: no way to unsubscribe" in ran.stderr
    assert "did you mean {{ first_name }}?" in ran.stderr
    assert (
        lines[-1]
        == "warning: gone: name: on in the database, with 1 step, and not in the file: it goes on"
    )
    quiet = flowctl(
        "steps", "sync", file, "--json", env={"EMAIL_UNSUBSCRIBE": "mailto:leave@example.com"}
    )
    assert "unsubscribe" not in quiet.stderr
    assert quiet.json()["unchanged"] == ["n/a", "n/b"]
