"""``FLOWCTL_ONLY_TO``: nobody else is written to, and nothing happens to their messages."""

import pytest

from flowctl.dispatch.options import Options
from tests.support.cli import RunFlowctl
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection

LEADS = {
    "ada@example.com": "+12125550101",
    "Bob@Example.com": "+12125550102",
    "eve@sub.example.com": "+12125550103",
    "joe@other.example": "+12125550104",
}


@pytest.fixture(autouse=True)
def due(conn: Connection) -> None:
    """An email and a text for each lead."""
    a_step(conn)
    a_step(conn, type="text", content="Hi")
    for email, phone in LEADS.items():
        a_lead(conn, email=email, phone=phone)


@pytest.mark.parametrize(
    ("value", "written_to"),
    [
        ("ada@example.com", {"ada@example.com"}),
        ("ADA@Example.COM, +1 212 555 0104", {"ada@example.com", "+12125550104"}),
        ("*@example.com", {"ada@example.com", "Bob@example.com"}),
        (" *@sub.EXAMPLE.com ,, bob@example.com;", {"eve@sub.example.com", "Bob@example.com"}),
        ("*@example.org", set()),
    ],
)
def test_only_these_are_written_to(
    database: str, conn: Connection, value: str, written_to: set[str]
) -> None:
    before = messages(conn, "id", "scheduled_for", "retry_at", "lease_until", "status")

    ran = dispatch_once(
        database, environ={"FLOWCTL_ONLY_TO": value}, options=Options(concurrency=1)
    )

    assert {message.recipient for message in ran.taken} == written_to
    assert ran.totals.withheld == 8 - len(written_to)
    after = messages(conn, "id", "scheduled_for", "retry_at", "lease_until", "status")
    assert len(set(before) & set(after)) == 8 - len(written_to)
    assert dispatch_once(database).totals.sent == 8 - len(written_to)


def test_what_is_held_for_it_is_no_failure(flowctl: RunFlowctl, tmp_path: object) -> None:
    env = {"FLOWCTL_ONLY_TO": "ada@example.com,2125550101", "FLOWCTL_DEFAULT_REGION": "US"}

    ran = flowctl("dispatch", "--once", "--json", f"--outbox={tmp_path}/out", env=env)

    assert ran.exit_code == 0
    assert (ran.json()["sent"], ran.json()["held"]) == (2, 6)
    assert "FLOWCTL_ONLY_TO" in ran.stderr


@pytest.mark.parametrize("value", ["ada", "*", "*@", "@example.com", ",", "a@b@c", "*@*.com", "12"])
def test_a_malformed_value_means_neither_everybody_nor_nobody(
    flowctl: RunFlowctl, conn: Connection, tmp_path: object, value: str
) -> None:
    ran = flowctl("dispatch", "--once", f"--outbox={tmp_path}/out", env={"FLOWCTL_ONLY_TO": value})

    assert ran.exit_code == 3
    assert ran.stderr.startswith("error: FLOWCTL_ONLY_TO")
    assert set(messages(conn, "status")) == {("pending",)}
