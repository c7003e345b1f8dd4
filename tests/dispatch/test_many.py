"""Any number of dispatchers may run at once; no message is sent by two of them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from flowctl.dispatch.options import Options
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.postgres import Connection

DISPATCHERS = 6


def test_six_dispatchers_share_the_work(database: str, conn: Connection) -> None:
    a_flow(conn, "guarded", min_gap="1 hour", dedupe_address=True)
    a_step(conn)
    a_step(conn, type="text", flow="guarded")
    a_step(conn, flow="guarded")
    for number in range(60):
        a_lead(conn, email=f"a{number % 20}@example.com", phone=f"+1415555{number % 20:04}")
    with ThreadPoolExecutor(DISPATCHERS) as pool:
        runs = [
            pool.submit(dispatch_once, database, options=Options(concurrency=3))
            for _ in range(DISPATCHERS)
        ]
        taken = Counter(message.id for run in runs for message in run.result().taken)
    _end_rests(conn)
    rested = dispatch_once(database, options=Options(now=_when_all_have_rested(conn)))
    taken += Counter(message.id for message in rested.taken)
    sent = {row[0] for row in messages(conn, "id", "status") if row[1] == "sent"}
    assert set(taken.values()) == {1}
    assert set(taken) == sent
    assert {row[0] for row in messages(conn, "status")} == {"sent", "cancelled"}
    # the open flow to every lead, each guarded step once to an address
    assert len(sent) == 60 + 20 + 20


def _end_rests(conn: Connection) -> None:
    """What waited for another dispatcher is given back with a minute's rest, by the real clock."""
    conn.execute(
        "update message_logs set lease_until = null where status = 'pending' and claimed_by is null"
    )


def _when_all_have_rested(conn: Connection) -> datetime:
    row = conn.execute("select max(due_at) from message_logs").fetchone()
    assert row is not None
    moment = row[0]
    assert isinstance(moment, datetime)
    return moment
