"""Dispatchers with a slot each take the leads of their share, and together everything once."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from flowctl.dispatch.options import Options
from flowctl.model import Channel, Slot
from flowctl.store.claims import claim_due
from flowctl.store.due import is_due
from flowctl.store.runs import Run
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection, connect

LEADS = 30


def taken_by(database: str, slot: Slot) -> list[UUID]:
    """The messages that a run with the slot sends."""
    return [message.id for message in dispatch_once(database, options=Options(slot=slot)).taken]


@pytest.fixture(autouse=True)
def due(conn: Connection) -> None:
    """Two steps, due at once, for each of the leads."""
    a_step(conn)
    a_step(conn)
    for number in range(LEADS):
        a_lead(conn, email=f"lead{number}@example.com")


def test_slots_together_take_everything_once(database: str, conn: Connection) -> None:
    lead_of = dict(messages(conn, "id", "lead_id"))
    shares = [taken_by(database, Slot(number, 3)) for number in (1, 2, 3)]
    assert all(shares)
    assert Counter(one for share in shares for one in share) == Counter(list(lead_of))
    leads = [{lead_of[one] for one in share} for share in shares]
    assert sum(map(len, leads)) == LEADS
    assert {row[0] for row in messages(conn, "status")} == {"sent"}


def test_another_number_of_slots_takes_what_is_left(database: str, conn: Connection) -> None:
    first = taken_by(database, Slot(1, 3))
    rest = [one for number in (1, 2) for one in taken_by(database, Slot(number, 2))]
    assert Counter([*first, *rest]) == Counter([row[0] for row in messages(conn, "id")])


def test_a_slot_without_due_messages_is_done(database: str, conn: Connection) -> None:
    taken_by(database, Slot(2, 3))
    one, two = (Run(UUID(int=1), timedelta(minutes=1), slot=Slot(number, 3)) for number in (1, 2))
    assert is_due(conn, one, [Channel.EMAIL])
    assert not is_due(conn, two, [Channel.EMAIL])
    assert is_due(conn, Run(UUID(int=1), timedelta(minutes=1)), [Channel.EMAIL])


def test_of_two_with_one_slot_each_takes_what_the_other_has_not(
    database: str, conn: Connection
) -> None:
    one, two = (Run(UUID(int=n), timedelta(minutes=1), slot=Slot(1, 1)) for n in (1, 2))
    with connect(database) as other, conn.transaction():
        taken = claim_due(conn, one, Channel.EMAIL, batch_size=LEADS)
        rest = claim_due(other, two, Channel.EMAIL, batch_size=2 * LEADS)
    assert len(taken) >= LEADS
    assert Counter(row.id for row in (*taken, *rest)) == Counter(
        row[0] for row in messages(conn, "id")
    )


@pytest.mark.parametrize(
    "change",
    [
        "status = 'cancelled', error_message = 'by hand'",
        "scheduled_for = now() + interval '1 day'",
        "flow_step_id = (select id from flow_steps where subject = 'another')",
    ],
    ids=["cancelled", "moved", "of another step"],
)
def test_what_somebody_changes_meanwhile_is_not_claimed(
    database: str, conn: Connection, change: str
) -> None:
    a_step(conn, subject="another")
    one = Run(UUID(int=1), timedelta(minutes=1), slot=Slot(1, 1))
    with connect(database) as other, conn.transaction():
        conn.execute(
            f"update message_logs set {change} where id in"  # noqa: S608 - the test's own
            " (select distinct on (lead_id) id from message_logs)".encode()
        )
        claimed = claim_due(other, one, Channel.EMAIL, batch_size=2 * LEADS)
    assert len(claimed) == LEADS
    assert Counter(row[0] for row in messages(conn, "claimed_by")) == {None: LEADS, one.id: LEADS}
