"""``flowctl leads import`` that ends in the middle, or meets another."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowctl.leads_import import BATCH
from tests.support.cli import RunFlowctl, child_environ
from tests.support.distributed import on_one_machine
from tests.support.factories import count
from tests.support.postgres import Connection
from tests.support.waiting import until

pytestmark = on_one_machine("the lock that an import waits for is held on one server")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "leads.csv"


@contextmanager
def stuck(
    file: Path, database: str, conn: Connection, *args: str
) -> Iterator[subprocess.Popen[str]]:
    """An import that waits in its second batch, for a lock which the test holds."""
    rows = [f"lead{number}@example.com" for number in range(2 * BATCH + BATCH // 2)]
    rows[BATCH + 5] = "stop@example.com"
    file.write_text("\n".join(["email", *rows]), "utf-8")
    conn.execute(
        "create function wait() returns trigger language plpgsql as $$ begin"
        " perform pg_advisory_xact_lock(7); return new; end $$;"
        " create trigger wait before insert on leads for each row"
        " when (new.email = 'stop@example.com') execute function wait();"
        " select pg_advisory_lock(7)"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "flowctl", "leads", "import", str(file), *args],
        env=child_environ({"DATABASE_URL": database}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
    try:
        until(lambda: conn.execute(waits).fetchone() == (True,))
        yield process
    finally:
        process.kill()
        process.communicate()


def finish(file: Path, flowctl: RunFlowctl, conn: Connection, taken: int) -> None:
    """What was taken is there, and the same command takes the rest."""
    conn.execute("select pg_advisory_unlock_all()")
    assert count(conn, "leads") == taken
    again = flowctl("leads", "import", file, "--json").json()
    whole = 2 * BATCH + BATCH // 2
    assert (again["imported"], again["skipped"]) == (whole - taken, taken)
    assert count(conn, "leads") == whole
    assert conn.execute("select count(distinct email) from leads").fetchone() == (whole,)


def test_interrupted_by_ctrl_c(
    file: Path, database: str, flowctl: RunFlowctl, conn: Connection
) -> None:
    with stuck(file, database, conn) as process:
        process.send_signal(signal.SIGINT)
        conn.execute("select pg_advisory_unlock_all()")
        _, stderr = process.communicate()
    assert process.returncode == 130
    assert f"interrupted: {2 * BATCH} leads of this file were imported and stay" in stderr
    finish(file, flowctl, conn, 2 * BATCH)


def test_killed(file: Path, database: str, flowctl: RunFlowctl, conn: Connection) -> None:
    with stuck(file, database, conn) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    finish(file, flowctl, conn, BATCH)


def test_two_imports_at_once_take_each_row_once(
    file: Path, database: str, flowctl: RunFlowctl, conn: Connection
) -> None:
    with stuck(file, database, conn) as process, ThreadPoolExecutor() as pool:
        other = pool.submit(flowctl, "leads", "import", file, "--json")
        waits = (
            "select exists (select from pg_locks where locktype = 'transactionid' and not granted)"
        )
        until(lambda: conn.execute(waits).fetchone() == (True,))
        conn.execute("select pg_advisory_unlock_all()")
        process.communicate()
    assert process.returncode == 0
    whole = 2 * BATCH + BATCH // 2
    document = other.result().json()
    assert document["imported"] < BATCH
    assert document["imported"] + document["skipped"] == whole
    assert count(conn, "leads") == whole
    assert conn.execute("select count(distinct email) from leads").fetchone() == (whole,)


def test_the_database_is_lost(
    file: Path, database: str, flowctl: RunFlowctl, conn: Connection
) -> None:
    with stuck(file, database, conn) as process:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_locks"
            " where locktype = 'advisory' and not granted"
        )
        _, stderr = process.communicate()
    assert process.returncode == 4
    assert f"hint: {BATCH} leads of this file were imported and stay; import the file" in stderr
    finish(file, flowctl, conn, BATCH)
