"""Texts that did not arrive are shown wherever one looks."""

import pytest

from tests.support.cli import Ran, RunFlowctl
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection


def texts(conn: Connection, *deliveries: tuple[str, str | None]) -> None:
    """Sent texts with their delivery status and code, oldest first."""
    a_step(conn, key="hello", type="text", content="Hi")
    for number, (status, code) in enumerate(deliveries):
        error = f"not delivered: {code or status}" if status == "undelivered" else None
        lead = a_lead(conn, phone=f"+1415555{number:04}")
        conn.execute(
            "update message_logs set status = 'sent', sent_at = now() - interval '1 hour' "
            "+ %s * interval '1 minute', attempts = 1, recipient = %s, delivery_status = %s, "
            "delivery_code = %s, error_message = %s where lead_id = %s",
            (number, f"+1415555{number:04}", status, code, error, lead),
        )


def the_check(ran: Ran) -> dict[str, str]:
    (check,) = [check for check in ran.json()["checks"] if check["name"] == "deliveries"]
    assert isinstance(check, dict)
    return check


def test_status_and_the_list_show_them(conn: Connection, flowctl: RunFlowctl) -> None:
    texts(
        conn,
        ("delivered", None),
        ("undelivered", "30007"),
        ("undelivered", "30007"),
        ("undelivered", None),
        ("delivered", "30018"),
    )
    conn.execute("insert into leads (email) values ('a@example.com')")
    found = flowctl("status", "--json").json()["undelivered"]
    assert found == [{"code": "30007", "count": 2}, {"code": "undelivered", "count": 1}]
    assert "30007" in flowctl("status").stdout
    listed = flowctl("messages", "list", "--undelivered", "--json").json()
    assert sorted(one["error_message"] for one in listed) == [
        "not delivered: 30007",
        "not delivered: 30007",
        "not delivered: undelivered",
    ]


def test_preview_says_so(conn: Connection, flowctl: RunFlowctl) -> None:
    texts(conn, ("undelivered", "30007"))
    row = conn.execute("select id::text from leads").fetchone()
    assert row is not None
    (message,) = flowctl("preview", str(row[0]), "--json").json()["messages"]
    assert (message["status"], message["reason"]) == ("sent", "not delivered: 30007")


@pytest.mark.parametrize("code", ["30034", "30007", "30032"])
def test_most_of_the_last_failing_for_the_account_is_a_fault(
    conn: Connection, flowctl: RunFlowctl, code: str
) -> None:
    texts(conn, ("delivered", None), ("undelivered", code), ("undelivered", code))
    ran = flowctl("doctor", "--json")
    assert ran.exit_code == 1
    check = the_check(ran)
    assert check["status"] == "fault"
    assert f"2 of the last 3 texts not delivered: 2 for {code}" in check["detail"]
    assert code in check["hint"]


@pytest.mark.parametrize(
    ("deliveries", "grade"),
    [
        ([("undelivered", "30003"), ("undelivered", "30003")], "note"),
        ([("delivered", None), ("undelivered", "30034")], "ok"),
        ([("undelivered", "30034")] + [("delivered", None)] * 20, "ok"),
        ([("sent", "30034")], "ok"),
        ([], "ok"),
    ],
)
def test_what_is_the_recipients_or_long_ago_is_none(
    conn: Connection,
    flowctl: RunFlowctl,
    deliveries: list[tuple[str, str | None]],
    grade: str,
) -> None:
    texts(conn, *deliveries)
    assert the_check(flowctl("doctor", "--json"))["status"] == grade
