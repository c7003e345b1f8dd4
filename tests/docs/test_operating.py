"""Each question of docs/operating.md is answered by the command beside it."""

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.readme import ROOT
from tests.support.cli import RunFlowctl
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.postgres import Connection

TEXT = (ROOT / "docs" / "operating.md").read_text("utf-8")
ANSWERS = re.findall(r"^\| [^|]+ \| `flowctl ([^`]+)` \|$", TEXT, re.MULTILINE)

STEPS = """
[[flows]]
name = "nurture"

[[flows.steps]]
key = "welcome"
type = "email"
subject = "Welcome"
content = "Hello"
"""

NEEDS_ATTENTION = 1
"""The status of a fault that is found, and of a question that nobody is there to answer."""


def test_there_are_answers() -> None:
    assert len(ANSWERS) == TEXT.count("| `flowctl ")


@pytest.mark.timeout(300)
def test_each_answer_is_a_command_that_works(
    flowctl: RunFlowctl, conn: Connection, database: str, tmp_path: Path
) -> None:
    (tmp_path / "flows.toml").write_text(STEPS, "utf-8")
    a_step(conn, flow=a_flow(conn, "nurture"), key="welcome")
    a_step(conn, flow="nurture", day=1)
    a_lead(conn)
    # after the lead: it can be moved there
    a_step(conn, flow=a_flow(conn, "customers"))
    assert dispatch_once(database).totals.sent == 1
    values = {
        "LEAD": "ada@example.com",
        "ADDRESS": "gone@example.com",
        "ID": str(messages(conn, "id")[0][0]),
    }
    for answer in ANSWERS:
        command = [values.get(word, word) for word in shlex.split(answer)]
        ran = flowctl(*command, cwd=tmp_path)
        assert ran.exit_code in {0, NEEDS_ATTENTION}, (answer, ran)
