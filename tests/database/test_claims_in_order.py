"""A claim walks the index of what is due from its beginning, whatever statistics say of sends."""

from uuid import UUID

import pytest

from flowctl.database import query
from tests.support.factories import a_step
from tests.support.invariants import add_leads
from tests.support.postgres import Connection
from tests.support.query_plans import rows_read

DUE = 1000
BATCH = 10

VALUES = {
    "run": UUID(int=1), "lease": "1 minute", "now": None, "low": None, "channel": "email",
    "batch_size": BATCH,
}  # fmt: skip

SEND_ALL = """
insert into flowctl.sends (
  message_id, lead_id, flow_step_id, channel, transport, recipient, content, claimed_by, lease_until
)
select id, lead_id, flow_step_id, 'email', 'smtp', 'ada@example.com', '', gen_random_uuid(), now()
from message_logs
"""


@pytest.fixture(autouse=True)
def backlog(conn: Connection) -> None:
    """Much is due, and statistics are of a moment when all of it was being sent."""
    a_step(conn)
    add_leads(conn, DUE)
    conn.execute(SEND_ALL)
    conn.execute("analyze")
    conn.execute("delete from flowctl.sends")


@pytest.mark.parametrize("slots", [None, 1])
@pytest.mark.parametrize("is_small", [False, True])
def test_a_claim_reads_what_it_takes(conn: Connection, is_small: bool, slots: int | None) -> None:
    claim = query("claim_due")
    values = {**VALUES, "slot": slots, "slots": slots}
    assert rows_read(conn, claim, values, is_small=is_small) <= 5 * BATCH
