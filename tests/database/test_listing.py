"""``messages list`` of some steps or one channel: right, and without a walk past the others."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from flowctl.messages import Criteria, list_messages
from flowctl.model import Channel, Status
from flowctl.settings import Settings
from flowctl.store.messages import Filter, filtered
from flowctl.times import When
from tests.support.factories import a_flow, a_lead, a_step, database_now
from tests.support.postgres import Connection

NOTHING = Settings.from_env({})
OTHERS = 400
FEW = 60
"""More rows than these are read only by a walk past the others."""

DRAW = """
update message_logs set
  status = drawn.status,
  scheduled_for = drawn.at,
  sent_at = case when drawn.status = 'sent' then drawn.at end,
  message_type = case when hashtext(drawn.id::text) % 7 = 0 then 'text' else message_type end
from (
  select
    id,
    (array['pending', 'sent', 'failed', 'cancelled'])[1 + abs(hashtext(id::text)) % 4] as status,
    now() + (hashtext(id::text || 'at') % 1000) * interval '1 minute' as at
  from message_logs
) as drawn
where message_logs.id = drawn.id
"""


@pytest.fixture
def drawn(conn: Connection) -> None:
    """Messages of three flows, one of them paused, two channels and no step, in every state."""
    for flow in ("default", "second", "third"):
        a_step(conn, flow=a_flow(conn, flow), key="mail")
        a_step(conn, flow=flow, key="text", type="text")
    for number in range(20):
        lead = a_lead(conn, email=f"{number}@example.com")
        conn.execute(
            "insert into message_logs (lead_id, message_type, subject, content, scheduled_for)"
            " values (%s, 'email', 'Own', 'Hello', now())",
            (lead,),
        )
    conn.execute("alter table message_logs disable trigger user")
    conn.execute(DRAW)
    a_flow(conn, "third", paused_at=database_now(conn))


CASES = [
    Criteria(flow="second"),
    Criteria(step="mail"),
    Criteria(step="third/text", statuses=(Status.SENT, Status.FAILED)),
    Criteria(channel=Channel.TEXT),
    Criteria(channel=Channel.EMAIL, statuses=(Status.PENDING,)),
    Criteria(flow="default", channel=Channel.TEXT, since=When("5h", ago=timedelta(hours=5))),
    Criteria(flow="third", until=When("0h", ago=timedelta()), statuses=(Status.CANCELLED,)),
    Criteria(flow="second", is_due=True),
    Criteria(is_due=True),
]


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("wanted", CASES, ids=str)
@pytest.mark.parametrize("limit", [None, 7])
def test_the_same_are_listed_as_are_found_one_by_one(
    conn: Connection, wanted: Criteria, limit: int | None
) -> None:
    found = list_messages(conn, NOTHING, wanted, limit)
    # an error that every message has: then all are walked
    conn.execute("update message_logs set error_message = 'x'")
    walked = list_messages(conn, NOTHING, Criteria(**{**_fields(wanted), "error": "x"}), limit)
    ids = [one.message.id for one in walked.messages]
    assert ids
    assert [one.message.id for one in found.messages] == ids
    assert found.is_more == walked.is_more


@pytest.mark.parametrize("chosen", [Filter(flow="old"), Filter(channel=Channel.TEXT)], ids=str)
def test_few_are_found_without_a_walk_past_the_others(conn: Connection, chosen: Filter) -> None:
    a_step(conn, flow=a_flow(conn, "old"), type="text")
    a_lead(conn)
    conn.execute("update flows set enabled = false where name = 'old'")
    a_step(conn)
    for number in range(OTHERS):
        a_lead(conn, email=f"{number}@example.com")
    conn.execute("alter table message_logs disable trigger user")
    conn.execute(DRAW.replace("% 7 = 0", "% 7 = 8"))
    conn.execute("analyze")
    values = {
        "statuses": list(Status), "since": None, "until": None, "batch_size": 20, "steps": None,
        "flow": chosen.flow, "is_due": chosen.is_due, "channel": chosen.channel,
    }  # fmt: skip
    statement = filtered("list_messages_of_steps", Filter())
    conn.execute("set enable_seqscan = off")
    found = conn.execute(b"explain (analyze, format json) " + statement, values).fetchone()
    assert found is not None
    assert max(_rows_read(found[0][0]["Plan"])) <= FEW


def _rows_read(plan: dict[str, Any]) -> Iterator[int]:
    yield int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    for part in plan.get("Plans", ()):
        yield from _rows_read(part)


def _fields(wanted: Criteria) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in wanted.__dataclass_fields__}
