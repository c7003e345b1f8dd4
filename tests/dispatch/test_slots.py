"""Dispatchers with a slot each take the leads of their share, and together everything once."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from flowctl.dispatch.options import Options
from flowctl.model import Channel, Slot
from flowctl.store.dispatch import Run
from flowctl.store.due import is_due
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection

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
