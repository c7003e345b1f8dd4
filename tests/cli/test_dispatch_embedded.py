"""A loop on the embedded database brings the server back when somebody ends it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import child_environ, run_flowctl
from tests.support.postgres import postmaster_of
from tests.support.waiting import until


@pytest.mark.usefixtures("cluster")
def test_nothing_is_sent_from_it_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert run_flowctl("apply-schema").exit_code == 0
    for command in (("dispatch", "--once"), ("dispatch", "--dry-run"), ("reconcile",)):
        ran = run_flowctl(*command)
        assert ran.exit_code == 3
        assert ran.stderr.startswith("error: no database is configured\nhint: set DATABASE_URL")
    named = {"DATABASE_URL": "embedded", "PGHOST": "nowhere.invalid"}
    assert run_flowctl("dispatch", "--once", env=named).exit_code == 0
    assert run_flowctl("dispatch", "--once", "--outbox", tmp_path / "outbox").exit_code == 0


def test_a_loop_outlives_its_server(cluster: Path, tmp_path: Path) -> None:
    assert run_flowctl("apply-schema").exit_code == 0
    steps = tmp_path / "flows.toml"
    steps.write_text(
        '[[steps]]\nkey = "hi"\ntype = "email"\nsubject = "Hi"\ncontent = "Hello"\n', "utf-8"
    )
    assert run_flowctl("steps", "sync", steps).exit_code == 0
    outbox = tmp_path / "outbox"
    loop = subprocess.Popen(
        [sys.executable, "-m", "flowctl", "dispatch", "--loop", "--outbox", outbox],
        env=child_environ(),
    )
    try:
        until(lambda: postmaster_of(cluster).process() is not None)
        assert run_flowctl("leads", "add", "--email", "ada@example.com").exit_code == 0
        until(lambda: len(list(outbox.glob("*.eml"))) == 1)
        postmaster = postmaster_of(cluster).process()
        assert postmaster is not None
        os.kill(postmaster, signal.SIGKILL)
        until(lambda: postmaster_of(cluster).process() not in {None, postmaster})
        assert run_flowctl("leads", "add", "--email", "bob@example.com").exit_code == 0
        until(lambda: len(list(outbox.glob("*.eml"))) == 2)
        loop.send_signal(signal.SIGTERM)
        assert loop.wait(60) == 0
    finally:
        loop.kill()
        loop.wait()
    assert sorted(path.name for path in outbox.iterdir() if path.name.startswith(".")) == []
