"""The slots together take every part of distributed tables, each of its leads once."""

import pytest

from flowctl.model import Slot
from flowctl.store.parts import Part


def a_part(number: int, count: int) -> Part:
    names = {
        "public.leads": "public.leads_7",
        "public.flows": "public.flows_9",
        "flowctl.free_messages": "(table public.flows)",
    }
    return Part("1", names, number, count)


@pytest.mark.parametrize("parts", range(1, 9))
@pytest.mark.parametrize("slots", range(1, 20))
def test_each_part_is_taken_whole_or_in_shares_that_make_it_whole(parts: int, slots: int) -> None:
    every = [Slot(number, slots) for number in range(1, slots + 1)]
    for number in range(parts):
        part = a_part(number, parts)
        shares = [part.share(slot) for slot in every if part.is_of(slot)]
        assert shares == [None] or shares == [Slot(n + 1, len(shares)) for n in range(len(shares))]
        assert (part.is_of(None), part.share(None)) == (True, None)


@pytest.mark.parametrize("slots", range(1, 20))
def test_no_slot_is_without_a_part(slots: int) -> None:
    parts = [a_part(number, 4) for number in range(4)]
    for number in range(1, slots + 1):
        assert any(part.is_of(Slot(number, slots)) for part in parts)


def test_names_are_those_of_the_part() -> None:
    text = a_part(0, 1).text(b"select from flowctl.free_messages, public.leads, flowctl.sent(1)")
    assert text == (b"select from (table public.flows_9), public.leads_7, flowctl.sent(1)")
