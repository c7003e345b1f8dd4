"""Two programs of neighbouring versions serve one database at the same time."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection

CHECKOUT = Path(__file__).resolve().parents[2]

ADDS = """alter table public.message_logs add column if not exists later_column text;
create table if not exists flowctl.later_table (id integer primary key);
"""


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """A copy of the program, to be given a later schema."""
    copy = tmp_path / "later"
    for name in ("flowctl", "sql"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def run_later(
    program: Path, flowctl_env: dict[str, str], *args: str
) -> subprocess.CompletedProcess[str]:
    """Run the copy."""
    return subprocess.run(
        [sys.executable, "-m", "flowctl", *args],
        cwd=program,
        env=flowctl_env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_both_programs_dispatch_beside_a_later_schema_that_only_adds(
    later: Path, flowctl: RunFlowctl, conn: Connection, database: str, tmp_path: Path
) -> None:
    (later / "sql/migrations/9000_later.sql").write_text(ADDS)
    routine = later / "sql/routines/weekdays.sql"
    routine.write_text(routine.read_text().replace("select array_agg(", "select  array_agg( "))
    env = {"DATABASE_URL": database, "PATH": "/usr/bin:/bin"}
    a_step(conn)
    assert run_later(later, env, "apply-schema").returncode == 0

    note = "newer than this flowctl"
    for number, outbox in enumerate(("one", "two", "three", "four")):
        a_lead(conn, email=f"{number}@example.com")
        arguments = ("dispatch", "--once", "--outbox", str(tmp_path / outbox))
        if number % 2:
            ran = run_later(later, env, *arguments)
            assert (ran.returncode, note in ran.stderr) == (0, False), ran.stderr
        else:
            own = flowctl(*arguments)
            assert (own.exit_code, note in own.stderr) == (0, True), own.stderr
        assert len(list((tmp_path / outbox).iterdir())) == 1
    assert conn.execute(
        "select count(*), count(*) filter (where status = 'sent') from message_logs"
    ).fetchone() == (4, 4)
    assert flowctl("apply-schema").exit_code == 0
    assert flowctl("apply-schema", "--check").exit_code == 0
    assert flowctl("status").exit_code == 0


def test_a_later_schema_that_stops_older_programs_stops_this_one(
    later: Path, flowctl: RunFlowctl, database: str
) -> None:
    (later / "sql/migrations/9000_later.sql").write_text(f"-- stops older programs\n{ADDS}")
    env = {"DATABASE_URL": database, "PATH": "/usr/bin:/bin"}
    assert run_later(later, env, "apply-schema").returncode == 0
    assert run_later(later, env, "status").returncode == 0
    for arguments in (("status",), ("dispatch", "--once", "--outbox", "x"), ("apply-schema",)):
        ran = flowctl(*arguments)
        assert ran.exit_code == 5, ran.stderr
        assert "older programs must not serve it" in ran.stderr
        assert "pip install --upgrade flowctl" in ran.stderr
