"""``was = "old-name"`` in a steps file: flows and steps are renamed, with their history."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.renames import a_file, sync
from tests.support.cli import RunFlowctl, child_environ
from tests.support.distributed import on_one_machine
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.postgres import Connection


def refused(flowctl: RunFlowctl, file: Path, content: str) -> str:
    """What is said of a content that is refused."""
    file.write_text(content, "utf-8")
    ran = flowctl("steps", "sync", file)
    assert (ran.exit_code, ran.stdout) == (3, "")
    return ran.stderr


def history(conn: Connection) -> list[tuple[Any, ...]]:
    """Flow, key and step id of every message."""
    return conn.execute(
        "select step.flow, step.key, step.id, message.status from message_logs as message"
        " inner join flow_steps as step on step.id = message.flow_step_id order by step.step_order"
    ).fetchall()


def names(conn: Connection) -> set[str]:
    """All flows, and their steps."""
    rows = conn.execute(
        "select name from flows union all select format('%s/%s', flow, key) from flow_steps"
    ).fetchall()
    return {row[0] for row in rows}


def test_a_step_is_renamed_with_its_messages(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    sync(flowctl, file, a_file("n", "a", "b"))
    a_lead(conn)
    before = history(conn)
    wanted = a_file("n", 'hello|was = "a"', "b")
    said = sync(flowctl, file, wanted, "--dry-run")
    assert said == {"updated": ["n/hello"], "unchanged": ["n/b"], "renamed": {"n/a": "n/hello"}}
    assert history(conn) == before
    assert sync(flowctl, file, wanted) == said
    assert [(row[1:3]) for row in history(conn)] == [("hello", before[0][2]), ("b", before[1][2])]
    assert sync(flowctl, file, wanted) == {"unchanged": ["n/hello", "n/b"]}
    exported = flowctl("steps", "export").stdout
    assert "was" not in exported
    assert sync(flowctl, file, exported) == {"unchanged": ["n/hello", "n/b"]}


def test_a_flow_is_renamed_with_its_steps_stops_and_pause(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    sync(flowctl, file, a_file("old", "a", "b", more='min_gap = "1h"'))
    stopped = a_lead(conn)
    assert flowctl("leads", "stop", str(stopped), "--flow", "old").exit_code == 0
    flowctl("flows", "pause", "old")
    before = history(conn)
    wanted = a_file("new", 'first|was = "a"', "b", more='was = "old"\nmin_gap = "1h"')
    file.write_text(wanted, "utf-8")
    foretold = flowctl("steps", "sync", file, "--dry-run")
    assert foretold.stdout.splitlines() == [
        "update   flow new",
        "         name: old -> new",
        "update   new/first",
        "         key: a -> first",
    ]
    assert "not in the file" not in foretold.stderr
    assert sync(flowctl, file, wanted) == {
        "flows_renamed": {"old": "new"},
        "flows_updated": ["new"],
        "renamed": {"new/a": "new/first"},
        "updated": ["new/first"],
        "unchanged": ["new/b"],
    }
    assert history(conn) == [
        ("new", "first", *before[0][2:]),
        ("new", "b", *before[1][2:]),
    ]
    assert names(conn) == {"default", "new", "new/first", "new/b"}
    assert conn.execute("select flow from flowctl.stops").fetchall() == [("new",)]
    paused = conn.execute(
        "select paused_at is not null, min_gap::text from flows where name = 'new'"
    )
    assert paused.fetchall() == [(True, "01:00:00")]
    assert sync(flowctl, file, wanted) == {"unchanged": ["new/first", "new/b"]}
    a_lead(conn, email="bo@example.com")
    assert len(history(conn)) == 4


def test_a_lead_gets_nothing_twice_after_a_rename(
    flowctl: RunFlowctl, conn: Connection, file: Path, tmp_path: Path
) -> None:
    step = '[[flows.steps]]\nkey = "{}"\ntype = "email"\nsubject = "Hi"\ncontent = "x"\n'
    sync(flowctl, file, '[[flows]]\nname = "n"\n' + step.format("a"))
    a_lead(conn)
    outbox = f"--outbox={tmp_path}/out"
    assert flowctl("dispatch", "--once", outbox, "--json").json()["sent"] == 1
    renamed = '[[flows]]\nname = "m"\nwas = "n"\n' + step.format("b") + 'was = "a"\n'
    sync(flowctl, file, renamed)
    assert flowctl("leads", "enroll", "--flow", "m", "--all", "--yes").exit_code == 0
    assert flowctl("dispatch", "--once", outbox, "--json").json()["sent"] == 0
    assert [row[:2] for row in history(conn)] == [("m", "b")]


@pytest.mark.parametrize("top_level", [True, False])
def test_a_flow_becomes_the_default_one(
    flowctl: RunFlowctl, conn: Connection, file: Path, *, top_level: bool
) -> None:
    sync(flowctl, file, a_file("n", "a"))
    a_lead(conn)
    flowctl("flows", "pause", "n")
    wanted = a_file("default", "a", more='was = "n"')
    if top_level:
        wanted = wanted.replace('[[flows]]\nname = "default"\n', "").replace("flows.steps", "steps")
    assert sync(flowctl, file, wanted) == {
        "flows_renamed": {"n": "default"},
        "flows_updated": ["default"],
        "unchanged": ["default/a"],
    }
    assert names(conn) == {"default", "default/a"}
    assert conn.execute("select paused_at is null from flows").fetchall() == [(False,)]
    assert [row[:2] for row in history(conn)] == [("default", "a")]
    assert sync(flowctl, file, wanted) == {"unchanged": ["default/a"]}


def test_the_default_flow_becomes_another_and_stays_empty(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    a_flow(conn, audience={"source": "web"}, timezone="Asia/Tokyo", expire_after="1 day")
    kept = a_step(conn, key="a", type="text", day=1)
    lead = a_lead(conn, source="web")
    flowctl("leads", "stop", str(lead), "--flow", "default")
    flowctl("flows", "pause", "default")
    wanted = a_file("n", "a", more='was = "default"')
    assert sync(flowctl, file, wanted)["flows_renamed"] == {"default": "n"}
    rows = conn.execute("select id, flow from flow_steps").fetchall()
    assert rows == [(kept, "n")]
    settings = "enabled, timezone, audience, expire_after, paused_at is null"
    assert conn.execute(f"select name, {settings} from flows order by name").fetchall() == [  # noqa: S608
        ("default", True, "UTC", None, None, True),
        ("n", True, "UTC", None, None, False),
    ]
    assert conn.execute("select flow from flowctl.stops").fetchall() == [("n",)]
    assert sync(flowctl, file, wanted) == {"unchanged": ["n/a"]}


def test_an_old_name_that_nobody_has_does_nothing(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    wanted = a_file("n", 'a|was = "gone"', more='was = "none"')
    assert sync(flowctl, file, wanted) == {"flows_created": ["n"], "created": ["n/a"]}
    assert names(conn) == {"default", "n", "n/a"}


def test_where_both_names_exist_nothing_is_renamed(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    sync(flowctl, file, a_file("n", "a", "b") + a_file("m", "c"))
    sync(flowctl, file, a_file("n", "b"))  # a is off, and has its messages all the same
    before = names(conn)
    said = refused(flowctl, file, a_file("n", 'b|was = "a"', more='was = "m"'))
    assert "error: a former name is still in use; nothing was changed" in said
    assert "  flow 'n': was: the database has both flows, 'm' and 'n'" in said
    # of its steps nothing can be said before that
    said = refused(flowctl, file, a_file("n", 'b|was = "a"'))
    assert "  flow 'n' step 'b': was: the database has both steps, 'a' and 'b'" in said
    assert "Traceback" not in said
    assert names(conn) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (a_file("n", 'a|was = "a"'), "flow 'n' step 'a': was: is its name now"),
        (a_file("n", 'a|was = "b"', 'b|was = "a"'), "step 'b': was: another step of the file"),
        (a_file("n", 'b|was = "a"', 'c|was = "b"'), "step 'c': was: another step of the file"),
        (a_file("n", 'c|was = "a"', 'b|was = "a"'), "another step of the file was 'a' too"),
        (a_file("n", "a|was = 3"), "step 'a': was: is a whole number"),
        (a_file("n", 'a|was = " "'), "step 'a': was: is empty"),
        (a_file("n", r'a|was = "b\nc"'), "has blanks around it or control characters"),
        (a_file("n", "a", more='was = "n"'), "flow 'n': was: is its name now"),
        (
            a_file("n", "a", more='was = "m"') + a_file("m", "a", more='was = "n"'),
            "flow 'm': was: another flow of the file is named 'n'",
        ),
        (
            a_file("n", "a", more='was = "o"') + a_file("m", "a", more='was = "o"'),
            "flow 'm': was: another flow of the file was 'o' too",
        ),
        ('was = "o"\n' + a_file("n", "a"), "was: stands at the top level beside [[flows]]"),
    ],
)
def test_names_that_would_not_mean_the_same_again(
    flowctl: RunFlowctl, conn: Connection, file: Path, content: str, words: str
) -> None:
    before = names(conn)
    assert words in refused(flowctl, file, content)
    assert names(conn) == before


def test_hostile_names_are_renamed_as_they_are(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    old, new = "x'; drop table leads; --/%s", 'ü\U0001f600{}\\\\\\"$1'
    sync(flowctl, file, a_file(old, old))
    wanted = a_file(new, f'{new}|was = "{old}"', more=f'was = "{old}"')
    sync(flowctl, file, wanted)
    plain = new.replace('\\"', '"').replace("\\\\", "\\")
    assert names(conn) == {"default", plain, f"{plain}/{plain}"}


def test_two_syncs_at_once_rename_once(
    flowctl: RunFlowctl, conn: Connection, database: str, file: Path
) -> None:
    sync(flowctl, file, a_file("n", *"abc"))
    a_lead(conn)
    before = [row[2] for row in history(conn)]
    wanted = a_file("m", *(f'{key}2|was = "{key}"' for key in "abc"), more='was = "n"')
    file.write_text(wanted, "utf-8")
    command = [sys.executable, "-m", "flowctl", "steps", "sync", str(file), "--json"]
    environ = child_environ({"DATABASE_URL": database})
    running = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(3)
    ]
    said = [json.loads(process.communicate()[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sorted(one["flows_renamed"] == {"n": "m"} for one in said) == [False, False, True]
    assert sorted(len(one["renamed"]) for one in said) == [0, 0, 3]
    assert [row[2] for row in history(conn)] == before


@on_one_machine("the nodes do not know the lock_timeout of a session")
def test_a_rename_waits_for_who_writes_steps(
    flowctl: RunFlowctl, conn: Connection, database: str, file: Path
) -> None:
    sync(flowctl, file, a_file("n", "a"))
    file.write_text(a_file("m", "a", more='was = "n"'))
    with psycopg.connect(database) as other:
        other.execute("update flow_steps set content = 'y'")
        ran = flowctl("steps", "sync", file, env={"PGOPTIONS": "-c lock_timeout=200ms"})
    assert ran.exit_code == 4
    assert names(conn) == {"default", "n", "n/a"}
