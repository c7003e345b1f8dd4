"""While a flow is paused, the others go on, in the order of their time, and do not walk past what
waits."""

from datetime import timedelta
from uuid import UUID

import pytest

from flowctl.database import query
from flowctl.model import Channel, Slot
from flowctl.store.claims import claim_due
from flowctl.store.due import is_due
from flowctl.store.runs import Run
from tests.support.factories import a_flow, a_lead, a_step, count, database_now, messages
from tests.support.invariants import add_leads
from tests.support.postgres import Connection
from tests.support.query_plans import rows_read

RUN = Run(UUID(int=1), timedelta(minutes=1))
WAITING = 300
FEW = 50
"""More rows than these are read only by a walk over what waits."""

VALUES = {
    "run": RUN.id, "lease": RUN.lease, "now": None, "low": None, "channel": "email",
    "batch_size": 10, "channels": ["email", "text"], "bound": 1000,
}  # fmt: skip


@pytest.fixture(autouse=True)
def paused(conn: Connection) -> None:
    """Messages of a paused flow that were due before all others."""
    a_step(conn, flow=a_flow(conn, "paused"))
    add_leads(conn, WAITING)
    conn.execute("update message_logs set scheduled_for = now() - interval '1 day'")
    a_flow(conn, "paused", paused_at=database_now(conn))
    conn.execute("update flows set enabled = false where name = 'paused'")
    conn.execute("analyze")


@pytest.mark.parametrize("slot", [None, Slot(1, 1)])
def test_the_others_are_claimed_in_the_order_of_their_time(
    conn: Connection, slot: Slot | None
) -> None:
    for name in ("default", "second", "third"):
        a_step(conn, flow=a_flow(conn, name))
    a_lead(conn)
    own = a_lead(conn, email="bob@example.com")
    conn.execute("delete from message_logs where lead_id = %s", (own,))
    conn.execute(
        "insert into message_logs (lead_id, message_type, subject, content, scheduled_for)"
        " values (%s, 'email', 'Own', 'Hello', now())",
        (own,),
    )
    conn.execute(
        "update message_logs m set scheduled_for = now() - n.n * interval '1 minute'"
        " from (select id, row_number() over (order by id) as n from message_logs"
        " where scheduled_for > now() - interval '1 hour') as n where n.id = m.id"
    )
    wanted = [row[0] for row in messages(conn, "scheduled_for")][WAITING:]
    assert len(wanted) == 4
    run = Run(UUID(int=1), timedelta(minutes=1), slot=slot)
    claimed = claim_due(conn, run, Channel.EMAIL, batch_size=2)
    claimed += claim_due(conn, run, Channel.EMAIL, batch_size=10)
    assert [row.due_at for row in claimed] == wanted
    assert not is_due(conn, run, [Channel.EMAIL])


def test_a_message_of_no_step_is_due(conn: Connection) -> None:
    conn.execute("update message_logs set scheduled_for = now() + interval '1 day'")
    assert not is_due(conn, RUN, [Channel.EMAIL])
    conn.execute(
        "insert into message_logs (lead_id, message_type, subject, content, scheduled_for)"
        " values (%s, 'email', 'Own', 'Hello', now())",
        (a_lead(conn),),
    )
    assert is_due(conn, RUN, [Channel.EMAIL])
    assert not is_due(conn, RUN, [Channel.TEXT])


@pytest.mark.parametrize("slots", [None, 1])
@pytest.mark.parametrize("due", [0, 5])
def test_nothing_walks_past_what_waits(conn: Connection, due: int, slots: int | None) -> None:
    a_step(conn)
    add_leads(conn, due)
    assert count(conn) == WAITING + due
    claim = query("claim_due")
    for statement in (claim, query("is_due"), query("due_by_channel")):
        assert rows_read(conn, statement, VALUES | {"slot": slots, "slots": slots}) <= FEW + due
