"""The steps file and the database: ``steps sync``, ``steps list``, ``steps export``."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.cli import RunFlowctl, child_environ
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection

EXAMPLE = Path(__file__).parents[2] / "flows.example.toml"
KEYS = {"id", "flow", "key", "step_order", "type", "subject", "content", "day", "time", "time_type"}

ONE = """
[[flows]]
name = "n"
timezone = "America/New_York"
[[flows.steps]]
key = "a"
type = "text"
content = "eins"
day = 1
time = "9:00 AM"
"""
TWO = """
[[flows.steps]]
key = "b"
type = "email"
subject = "two"
content = "two"
day = 2
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flows.toml"


def synced(flowctl: RunFlowctl, file: Path, content: str, *options: str) -> dict[str, Any]:
    """What a sync of this content does; of its lists only those that say something."""
    file.write_text(content)
    ran = flowctl("steps", "sync", file, "--json", *options)
    assert ran.exit_code == 0, ran.stderr
    document: dict[str, Any] = ran.json()
    quiet = {"warnings", "changes", "keeping"}
    return {name: said for name, said in document.items() if said and name not in quiet}


def add_lead(conn: Connection, created_at: str = "now()", email: str = "ann@a.example") -> None:
    conn.execute(
        f"insert into leads (email, phone, created_at) values (%s, '+12025550100', {created_at})",  # noqa: S608
        (email,),
    )


def messages(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select step.key, message.message_type, message.content, message.status,"
        " message.error_message from message_logs as message"
        " left join flow_steps as step on step.id = message.flow_step_id"
        " order by step.key, message.lead_id"
    ).fetchall()


def steps(conn: Connection) -> dict[str | None, tuple[Any, ...]]:
    rows = conn.execute("select key, step_order, enabled, content from flow_steps").fetchall()
    return {row[0]: row[1:] for row in rows}


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


def test_pending_messages_keep_what_they_say_and_are_counted(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn)
    add_lead(conn, email="bob@b.example")
    before = messages(conn)
    said = synced(flowctl, file, ONE.replace("eins", "uno"))
    assert said == {
        "updated": ["n/a"],
        "disabled": ["n/b"],
        "pending_kept": 2,
        "cancelling": {"n/b": 2},
    }
    assert messages(conn) == before


def test_what_differs_is_seen_at_every_sync_and_may_follow_later(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn)
    changed = (ONE + TWO).replace("eins", "uno").replace("9:00 AM", "10:00 AM")
    assert synced(flowctl, file, changed) == {
        "updated": ["n/a"],
        "unchanged": ["n/b"],
        "pending_kept": 1,
    }
    assert synced(flowctl, file, changed) == {"unchanged": ["n/a", "n/b"], "pending_kept": 1}
    ran = flowctl("steps", "sync", file)
    assert "already up to date" in ran.stdout + ran.stderr
    assert "stay as they were scheduled: 1 of 1 lead (--update-pending" in ran.stderr
    assert ran.stdout.splitlines() == [
        "pending  n/a",
        "         1 pending message keeps the old text and time",
    ]
    said = synced(flowctl, file, changed, "--update-pending")
    assert said == {"unchanged": ["n/a", "n/b"], "pending_updated": 1}
    assert messages(conn)[0] == ("a", "text", "uno", "pending", None)
    times = conn.execute(
        "select (scheduled_for at time zone 'America/New_York')::time::text, planned_for ="
        " scheduled_for from message_logs where content = 'uno'"
    ).fetchall()
    assert times == [("10:00:00", True)]
    assert synced(flowctl, file, changed) == {"unchanged": ["n/a", "n/b"]}


def test_pending_messages_follow_on_request(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn, "'2999-03-04 15:00 America/New_York'")
    changed = (
        ONE.replace("eins", "uno").replace("9:00 AM", "10:00 AM").replace("day = 1", "day = 3")
    )
    assert synced(flowctl, file, changed, "--update-pending") == {
        "updated": ["n/a"],
        "disabled": ["n/b"],
        "pending_updated": 2,
        "pending_cancelled": 1,
        "cancelling": {"n/b": 1},
    }
    assert messages(conn) == [
        ("a", "text", "uno", "pending", None),
        ("b", "email", "two", "cancelled", "step is off"),
    ]
    moved = conn.execute(
        "select scheduled_for = '2999-03-07 10:00 America/New_York' from message_logs"
        " where status = 'pending'"
    ).fetchall()
    assert moved == [(True,)]


def test_a_changed_type_takes_its_pending_messages_along(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn)
    email = TWO.replace('type = "email"\nsubject = "two"', 'type = "text"')
    synced(flowctl, file, ONE + email, "--update-pending")
    assert messages(conn)[1] == ("b", "text", "two", "pending", None)


def test_a_new_zone_moves_the_whole_flow(flowctl: RunFlowctl, conn: Connection, file: Path) -> None:
    synced(flowctl, file, ONE)
    add_lead(conn, "'2999-03-04 15:00 America/New_York'")
    said = synced(flowctl, file, ONE.replace("America/New_York", "Asia/Tokyo"), "--update-pending")
    assert said == {"flows_updated": ["n"], "unchanged": ["n/a"], "pending_updated": 1}
    moved = conn.execute(
        "select scheduled_for = '2999-03-06 9:00 Asia/Tokyo' from message_logs"
    ).fetchall()
    assert moved == [(True,)]


def test_a_new_window_moves_the_whole_flow(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE)
    add_lead(conn, "'2999-03-04 15:00 America/New_York'")
    window = 'name = "n"\nsend_window = { start = "11:30", end = "17:00" }'
    said = synced(flowctl, file, ONE.replace('name = "n"', window), "--update-pending")
    assert said == {"flows_updated": ["n"], "unchanged": ["n/a"], "pending_updated": 1}
    moved = conn.execute(
        "select scheduled_for = '2999-03-05 11:30 America/New_York', planned_for = scheduled_for"
        " from message_logs"
    ).fetchall()
    assert moved == [(True, True)]


def test_new_words_do_not_move_a_message_that_is_late(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE)
    add_lead(conn)
    conn.execute("update message_logs set scheduled_for = now() - interval '9 days'")
    conn.execute("update leads set created_at = now() - interval '10 days'")
    late = conn.execute("select scheduled_for from message_logs").fetchall()
    synced(flowctl, file, ONE.replace("eins", "uno"), "--update-pending")
    assert messages(conn) == [("a", "text", "uno", "pending", None)]
    assert conn.execute("select scheduled_for from message_logs").fetchall() == late


def test_a_step_moved_behind_a_lead_is_cancelled_for_it(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE.replace("day = 1", "day = 30"))
    add_lead(conn, "now() - interval '10 days'")
    synced(flowctl, file, ONE, "--update-pending")
    assert messages(conn) == [
        ("a", "text", "eins", "cancelled", "its date has passed for this lead")
    ]


def test_messages_follow_though_their_lead_would_not_enter_any_more(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE)
    add_lead(conn)
    audience = ONE.replace("[[flows.steps]]", "audience = { source = 'x' }\n[[flows.steps]]")
    synced(flowctl, file, audience.replace("day = 1", "day = 3"), "--update-pending")
    assert messages(conn) == [("a", "text", "eins", "pending", None)]


def test_messages_that_are_being_sent_or_done_are_left_alone(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE)
    for name in ("claimed", "begun", "sent", "failed", "free"):
        add_lead(conn, email=f"{name}@a.example")
    conn.execute(
        "update message_logs set claimed_by = gen_random_uuid(), lease_until = now() + '1 minute'"
        " from leads where leads.id = lead_id and email = 'claimed@a.example'"
    )
    conn.execute(
        "insert into flowctl.sends (message_id, lead_id, channel, transport, recipient, content,"
        " claimed_by, lease_until)"
        " select message.id, lead_id, 'text', 'twilio', '+12025550100', 'eins', gen_random_uuid(),"
        " now() from message_logs as message inner join leads on leads.id = lead_id"
        " where email = 'begun@a.example'"
    )
    conn.execute(
        "update message_logs set status = split_part(email, '@', 1), sent_at = now()"
        " from leads where leads.id = lead_id and email in ('sent@a.example', 'failed@a.example')"
    )
    said = synced(flowctl, file, ONE.replace("eins", "uno"), "--update-pending")
    assert said == {"updated": ["n/a"], "pending_updated": 1, "pending_kept": 2}
    changed = conn.execute(
        "select email from message_logs inner join leads on leads.id = lead_id"
        " where content = 'uno'"
    ).fetchall()
    assert changed == [("free@a.example",)]


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
        "flow  order  key  type   day  time         enabled  changed (UTC)     content",
        "n     1           email  0    immediately  no       2026-03-02 15:00  [bold]first",
        "n     2      a    text   1    9:00 AM      yes      2026-03-02 15:00  uno",
        "n     3      b    email  2    immediately  yes      2026-03-02 15:00  two",
    ]


def test_an_exported_file_changes_nothing(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    """With all that a CRM may have written by hand."""
    synced(flowctl, file, ONE)
    conn.execute(
        """
        update flows set exit_when = '{"status": null, "n": 1.0, "big": 1e30}',
          send_window = '{"start": "08:00", "days": ["sun", "mon", "mon"]}',
          expire_after = '1 month', min_gap = '1.5 seconds', exit_on_reply = true,
          sender = '{"email_from": "\\"Ana, B.\\" <a@b.example>", "text_from": "+12125550100"}'
        where name = 'n'
        """
    )
    conn.execute("insert into flows (name, enabled) values ('Zwölf \"Punkte\"', false)")
    conn.execute(
        """
        insert into flow_steps (flow, type, subject, content, day, time, time_type, enabled) values
          ('n', 'email', 'Hé, {{ x }} O''Neil!', e'a\\r\\nb', 0, null, 'immediately', true),
          ('n', 'email', 'He, O''Neil', e'a\\rb\\\\"\"\"\"', 0, '10:00', 'immediately', true),
          ('n', 'text', 'a text with a subject', 'x', 5, '12:00 am', 'specific', true),
          ('n', 'text', '', 'x', 5, '12:00 am', 'specific', true),
          ('n', 'email', '', null, 7, 'soonish', 'specific', false),
          ('default', 'text', null, 'x', 5, '12:00 am', 'specific', true)
        """
    )  # fmt: skip
    first = flowctl("steps", "export", file, "--force")
    assert (first.exit_code, first.stdout) == (0, "")
    before = conn.execute("select * from flow_steps order by id").fetchall()
    ran = flowctl("steps", "sync", file, "--json")
    assert ran.exit_code == 0, ran.stderr
    quiet = {"unchanged", "warnings"}
    said = {name: value for name, value in ran.json().items() if value and name not in quiet}
    assert said == {}
    keys = sorted(name.removeprefix("n/") for name in ran.json()["unchanged"])
    assert keys == [
        "a",
        "a-text-with-a-subject",
        "default/text-day-5",
        "email-day-7",
        "he-oneil",
        "he-oneil-2",
        "text-day-5",
    ]
    after = conn.execute("select * from flow_steps order by id").fetchall()
    assert [row[:12] for row in after] == [row[:12] for row in before]
    assert flowctl("steps", "export").stdout == file.read_text(encoding="utf-8")


def test_export_of_an_empty_database_is_a_steps_file(flowctl: RunFlowctl, file: Path) -> None:
    ran = flowctl("steps", "export")
    assert ran.stdout == '[[flows]]\nname = "default"\n'
    assert synced(flowctl, file, ran.stdout) == {}


def test_export_replaces_a_file_only_by_force_and_whole(
    flowctl: RunFlowctl, conn: Connection, file: Path, tmp_path: Path
) -> None:
    a_step(conn, type="text")
    file.write_text("# mine\n")
    file.chmod(0o640)
    ran = flowctl("steps", "export", file)
    assert (ran.exit_code, file.read_text()) == (3, "# mine\n")
    assert f"error: {file} is there already; nothing was written" in ran.stderr
    assert "hint: --force replaces it" in ran.stderr
    assert set(steps(conn)) == {None}
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    assert flowctl("steps", "export", link, "--force").exit_code == 0
    assert link.is_symlink()
    assert file.read_text() == flowctl("steps", "export").stdout
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(tmp_path.iterdir()) == [file, link]
    assert flowctl("steps", "export", "/dev/null").exit_code == 0


def test_an_export_that_cannot_be_written_whole_leaves_the_file(
    conn: Connection, database: str, file: Path
) -> None:
    a_step(conn, key="a", content="x" * 9000)
    file.write_text("# mine\n")
    limited = f"ulimit -f 4; exec {sys.executable} -m flowctl steps export --force {file}"
    environ = child_environ({"DATABASE_URL": database})
    ran = subprocess.run(
        ["/bin/bash", "-c", limited],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 3, ran.stderr
    assert f"error: {file}: file too large" in ran.stderr
    assert file.read_text() == "# mine\n"
    assert list(file.parent.iterdir()) == [file]


def test_export_to_a_place_that_is_none(flowctl: RunFlowctl, tmp_path: Path) -> None:
    ran = flowctl("steps", "export", tmp_path / "no" / "flows.toml")
    assert ran.exit_code == 3
    assert "no such file or directory" in ran.stderr


def test_pending_messages_follow_their_steps_format(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    file = tmp_path / "flows.toml"
    step = '[[steps]]\nkey = "a"\ntype = "email"\nsubject = "Hi"\ncontent = "<p>x</p>"\nday = 1\n'
    file.write_text(step)
    assert flowctl("steps", "sync", file).exit_code == 0
    a_lead(conn)
    file.write_text(step + 'format = "text"\n')
    assert flowctl("steps", "sync", file, "--update-pending").exit_code == 0
    found = conn.execute("select format, content from message_logs").fetchall()
    assert found == [("text", "<p>x</p>")]
    assert 'format = "text"' in flowctl("steps", "export").stdout


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
