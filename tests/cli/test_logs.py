"""A bug of ours over one message is one line, without anything of the lead's, and stops nobody."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection

CHECKOUT = Path(__file__).resolve().parents[2]

BUG = """

_whole = render_content


def render_content(*args, **kwargs):
    rendered = _whole(*args, **kwargs)
    if "Grace" in str(rendered):
        raise ValueError(rendered)
    return rendered
"""


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the program in which rendering for Grace fails, quoting her."""
    for name in ("flowctl", "sql"):
        shutil.copytree(
            CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    module = tmp_path / "flowctl/rendering.py"
    module.write_text(module.read_text() + BUG)
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--debug"]])
def test_an_unexpected_exception_is_one_line(
    broken: Path, database: str, conn: Connection, options: list[str]
) -> None:
    a_step(conn, content="Hello {{ first_name }}")
    a_lead(conn, first_name="Grace", email="grace@example.com")
    a_lead(conn)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "flowctl", *options),
            *("dispatch", "--once", "--outbox", str(broken / "outbox")),
        ],
        cwd=broken,
        env={"DATABASE_URL": database, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert sorted(messages(conn, "status")) == [("failed",), ("sent",)]
    (failed,) = conn.execute("select id from message_logs where status = 'failed'").fetchall()
    lines = [line for line in ran.stderr.splitlines() if "warning: rendering" in line]
    assert len(lines) == 1
    assert f"rendering message {failed[0]}: internal error: ValueError at rendering.py:" in lines[0]
    if options:
        assert "Traceback" in ran.stderr
    else:
        assert "Traceback" not in ran.stderr
        assert "Grace" not in ran.stderr
        assert "grace@example.com" not in ran.stderr
