"""The plan of ``steps sync``: what changes, and what becomes of the messages that are pending."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import RunFlowctl, child_environ
from tests.support.factories import a_lead
from tests.support.postgres import Connection

FLOW = """
[[flows]]
name = "n"
min_gap = "2h"
{settings}
[[flows.steps]]
key = "a"
type = "email"
subject = "Hi"
format = "text"
day = 1
content = \"\"\"
one
two
three
four
five\"\"\"
[[flows.steps]]
key = "b"
type = "text"
day = 2
content = "bye"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flows.toml"
    path.write_text(FLOW.format(settings=""), "utf-8")
    return path


def change(file: Path, *pairs: tuple[str, str]) -> None:
    """Replace words of the file."""
    text = file.read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, "utf-8")


def planned(flowctl: RunFlowctl, file: Path, *options: str) -> Any:
    ran = flowctl("steps", "sync", file, "--json", *options)
    assert ran.exit_code == 0, ran.stderr
    return ran.json()


def test_fields_are_shown_with_what_they_replace(flowctl: RunFlowctl, file: Path) -> None:
    first = flowctl("steps", "sync", file)
    assert first.stdout.splitlines() == [
        "create   flow n",
        "create   n/a: email, day 1, immediately",
        "create   n/b: text, day 2, immediately",
    ]
    change(
        file,
        ('"2h"', '"90m"\nsender = { email_from = "a@b.io" }\nenabled = false'),
        ('"Hi"', r'"Hi \u001b[31m"'),
        ("three", r"thr\tee\u0007\r"),
        ("day = 2", 'day = 2\ntime = "9 AM"'),
    )
    ran = flowctl("steps", "sync", file, "--dry-run")
    assert ran.stdout.splitlines() == [
        "update   flow n",
        "         enabled: true -> false",
        "         min_gap: 2h -> 90m",
        '         sender: none -> {"email_from": "a@b.io"}',
        "update   n/a",
        r"         subject: Hi -> Hi \x1b[31m",
        "         content:",
        "         @@ -1,5 +1,5 @@",
        "          one",
        "          two",
        "         -three",
        "         +thr\tee\\x07\\r",
        "          four",
        "          five",
        "update   n/b",
        "         time: none -> 9:00 AM",
        "         time_type: immediately -> specific",
    ]
    document = planned(flowctl, file, "--dry-run")
    assert document["changes"][1] == {
        "flow": "n", "key": None, "field": "min_gap", "old": 7200, "new": 5400
    }  # fmt: skip
    assert [(one["key"], one["field"]) for one in document["changes"]][3:5] == [
        ("a", "subject"),
        ("a", "content"),
    ]


def test_a_flow_that_goes_off_says_how_many_messages_it_cancels(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    planned(flowctl, file)
    for number in range(3):
        a_lead(conn, email=f"{number}@a.example")
    change(file, ('name = "n"', 'name = "n"\nenabled = false'), ("bye", "tschüss"))
    ran = flowctl("steps", "sync", file)
    assert ran.stdout.splitlines()[-4:] == [
        "         +tschüss",
        "         3 pending messages will be cancelled",
        "pending  n/a",
        "         3 pending messages will be cancelled",
    ]
    assert "since their step or flow is off: 6 of 3 leads (flowctl flows pause" in ran.stderr
    document = planned(flowctl, file)
    assert document["cancelling"] == {"n/a": 3, "n/b": 3}
    assert list(document["cancelling"]) == ["n/a", "n/b"]
    assert (document["pending_kept"], document["keeping"]) == (0, {})
    assert conn.execute("select distinct status from message_logs").fetchall() == [("pending",)]


def test_what_follows_is_counted_for_each_step(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    planned(flowctl, file)
    a_lead(conn)
    a_lead(conn, email="bo@a.example")
    conn.execute(
        "update message_logs set claimed_by = gen_random_uuid(), lease_until = now() + '1 hour'"
        " from leads where leads.id = lead_id and email = 'bo@a.example' and message_type = 'email'"
    )
    change(file, ("three", "drei"), ('key = "b"', 'key = "b"\nenabled = false'))
    ran = flowctl("steps", "sync", file, "--update-pending", "--dry-run")
    assert [line.strip() for line in ran.stdout.splitlines() if "pending" in line] == [
        "1 pending message follows",
        "1 pending message keeps the old text",
        "2 pending messages are cancelled",
    ]
    assert "that would follow the change: 3 of 2 leads, of these cancelled: 2" in ran.stderr
    document = planned(flowctl, file, "--update-pending")
    expected = {
        "pending_kept": 1,
        "pending_updated": 3,
        "pending_cancelled": 2,
        "keeping": {"n/a": 1},
        "cancelling": {"n/b": 2},
    }
    assert document.items() >= expected.items()


def test_a_diff_has_colours_on_a_terminal(flowctl: RunFlowctl, database: str, file: Path) -> None:
    planned(flowctl, file)
    change(file, ("three", "drei"))
    leader, follower = pty.openpty()
    environ = child_environ({"DATABASE_URL": database, "TERM": "xterm-256color"})
    command = [sys.executable, "-m", "flowctl", "steps", "sync", str(file), "--dry-run"]
    subprocess.run(command, env=environ, stdout=follower, stderr=subprocess.DEVNULL, check=True)
    os.close(follower)
    said = os.read(leader, 10_000).decode()
    os.close(leader)
    assert "\x1b[32m         +drei\x1b[0m" in said
    assert "\x1b[31m         -three\x1b[0m" in said
