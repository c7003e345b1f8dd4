"""An email that came back, or was complained of, is seen wherever one looks."""

from pathlib import Path

import pytest

from tests.support.cli import RunFlowctl
from tests.support.dispatching import dispatch_once
from tests.support.distributed import on_one_machine
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.returned import ENVIRON, a_sent_email, sample

UNKNOWN = "unknown@example.net"


@pytest.fixture
def bounced(flowctl: RunFlowctl, conn: Connection, database: str) -> str:
    """The id of an email that was sent, and whose bounce an alias has handed over."""
    a_step(conn, key="welcome")
    a_lead(conn, email=UNKNOWN)
    dispatch_once(database)
    ((message_id,),) = messages(conn, "id")
    mail = sample("postfix-unknown.eml", message_id).decode("ascii")
    assert flowctl("reconcile", "-", env=ENVIRON, input=mail).exit_code == 0
    return str(message_id)


@on_one_machine("what nodes do in one transaction has the time of each")
def test_a_bounce_is_seen_wherever_one_looks(
    flowctl: RunFlowctl, conn: Connection, bounced: str, tmp_path: Path
) -> None:
    code = conn.execute("select delivery_code from message_logs").fetchone()
    assert code is not None
    assert flowctl("status", "--json").json()["undelivered"] == [{"code": code[0], "count": 1}]
    assert code[0] in flowctl("status").stdout

    (listed,) = flowctl("messages", "list", "--undelivered", "--json").json()
    assert (listed["id"], listed["delivery_status"]) == (bounced, "bounced")
    assert "sent, bounced" in flowctl("messages", "list").stdout

    shown = flowctl("messages", "show", bounced, "--json").json()
    assert (shown["delivery_status"], shown["delivery_code"]) == ("bounced", code[0])
    assert [one["event"] for one in shown["history"]] == [
        "planned", "sent", "bounced", "suppressed",
    ]  # fmt: skip

    (previewed,) = flowctl("preview", UNKNOWN, "--json").json()["messages"]
    assert (previewed["status"], previewed["reason"]) == ("sent", shown["error_message"])

    lead = flowctl("leads", "show", UNKNOWN, "--json").json()
    assert lead["suppressed"] == [UNKNOWN]
    assert lead["undelivered"] == [{"code": code[0], "count": 1}]
    assert f"1 for {code[0]}" in flowctl("leads", "show", UNKNOWN).stdout

    page = tmp_path / "report.html"
    assert flowctl("report", page).exit_code == 0
    assert "not delivered" in page.read_text("utf-8")

    (check,) = [
        one
        for one in flowctl("doctor", "--json").json()["checks"]
        if one["name"] == "email deliveries"
    ]
    assert check["status"] == "note"
    assert "of the last 1 email 1 bounced" in check["detail"]

    (row,) = flowctl("suppressions", "list", "--json").json()
    assert (row["address"], row["source"], row["message_id"]) == (UNKNOWN, "bounce", bounced)
    assert bounced[:8] in flowctl("suppressions", "list").stdout


@pytest.mark.parametrize(
    ("words", "grade"),
    [
        (["refused"], "fault"),
        (["refused"] + ["delivered"] * 30, "ok"),
        (["bounced"] * 2 + ["delivered"] * 30, "note"),
        (["complained"] + ["delivered"] * 30, "note"),
        (["delayed"], "ok"),
    ],
)
def test_doctor_weighs_what_came_back(
    flowctl: RunFlowctl, conn: Connection, words: list[str], grade: str
) -> None:
    for number, word in enumerate(words):
        message_id = a_sent_email(conn, f"lead-{number}@example.com")
        conn.execute(
            "update message_logs set delivery_status = %s where id = %s", (word, message_id)
        )
    (check,) = [
        one
        for one in flowctl("doctor", "--json").json()["checks"]
        if one["name"] == "email deliveries"
    ]
    assert check["status"] == grade
