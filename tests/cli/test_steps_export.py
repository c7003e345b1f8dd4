"""``steps export``: the database as a steps file."""

import subprocess
import sys
from pathlib import Path

from tests.cli.steps_files import ONE, steps, synced
from tests.support.cli import RunFlowctl, child_environ
from tests.support.factories import a_step
from tests.support.postgres import Connection


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


def test_a_dash_is_stdout(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, key="now")
    assert flowctl("steps", "export", "-").stdout == flowctl("steps", "export").stdout
