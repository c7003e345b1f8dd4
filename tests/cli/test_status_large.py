"""``flowctl status`` where the messages are too many to be counted."""

import pytest

from tests.support.cli import RunFlowctl
from tests.support.distributed import on_one_machine
from tests.support.factories import a_step
from tests.support.postgres import Connection

pytestmark = on_one_machine("over nodes the size of a table is not known, and all is counted")


@pytest.fixture
def large(conn: Connection) -> None:
    """More messages than are counted to their end, sent over a year."""
    a_step(conn)
    conn.execute("alter table message_logs disable trigger user")
    conn.execute("alter table leads disable trigger user")
    conn.execute(
        "insert into leads (email) select n || '@example.com' from generate_series(1, 60000) n"
    )
    conn.execute(
        "insert into message_logs (lead_id, flow_step_id, message_type, content, status, "
        "scheduled_for, planned_for, sent_at) "
        "select lead.id, step.id, 'email', repeat('x', 1200), 'sent', now(), now(), "
        "now() - interval '1 year' * random() from leads as lead cross join flow_steps as step"
    )
    conn.execute(
        "update message_logs set status = 'failed', sent_at = null, error_message = 'x' "
        "where ctid = '(1,1)'"
    )
    conn.execute("alter table message_logs enable trigger user")
    conn.execute("vacuum analyze message_logs")


@pytest.mark.usefixtures("large")
def test_a_large_table_is_not_counted_to_its_end(flowctl: RunFlowctl) -> None:
    document = flowctl("status", "--json").json()
    assert document["estimated"] == ["counts.sent", "sent.since"]
    assert 50_000 < document["counts"]["sent"] < 70_000
    assert 1_000 <= document["sent"]["since"] < 1_800
    assert document["counts"]["failed"] == 1
    assert document["failures"] == [{"reason": "x", "count": 1}]
    assert "about " in flowctl("status").stdout


@pytest.mark.usefixtures("large")
def test_what_is_many_is_named_and_what_is_few_is_exact(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    change(conn, 300, "delivery_status = 'failed', delivery_code = '30007', sent_at = now()")
    over = "sent_at = null, error_message = 'because', scheduled_for = now() - interval '1 hour'"
    change(conn, 3, f"status = 'failed', {over}")
    change(conn, 1500, f"status = 'cancelled', cause = 'by_hand', {over}")
    change(conn, 4, f"status = 'cancelled', cause = 'no_address', {over}")
    change(conn, 1200, "status = 'pending', sent_at = null, scheduled_for = now()")
    document = flowctl("status", "--json").json()
    assert document["estimated"] == [
        "counts.pending", "counts.sent", "counts.cancelled", "sent.since", "held.email", "due",
        "no_address",
    ]  # fmt: skip
    assert (document["due"], document["held"]) == (500, {"email": 500, "text": 0})
    assert document["counts"]["failed"] == 4
    assert document["failures"] == [{"reason": "because", "count": 3}, {"reason": "x", "count": 1}]
    assert document["undelivered"] == [{"code": "30007", "count": 300}]
    assert "due now         at least 500" in flowctl("status").stdout
    change(conn, 1100, f"status = 'failed', {over}")
    document = flowctl("status", "--json").json()
    assert "failures" in document["estimated"]
    assert sum(failure["count"] for failure in document["failures"]) == 500
    assert "reason, of the newest 500 in 7d" in flowctl("status").stdout


def change(conn: Connection, number: int, assignments: str) -> None:
    """Change so many of the messages that were sent."""
    conn.execute("alter table message_logs disable trigger user")
    conn.execute(
        f"update message_logs set {assignments} where id in (select id from message_logs "  # noqa: S608
        f"where status = 'sent' and delivery_status is null limit {number})".encode()
    )
    conn.execute("alter table message_logs enable trigger user")
