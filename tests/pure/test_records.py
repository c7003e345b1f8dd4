"""Records are dataclasses with slots, equal by their fields."""

from dataclasses import replace

import pytest

from flowctl.records import record


@record
class Pair:
    """Two fields."""

    one: int
    two: str = ""


def test_records_are_equal_by_their_fields() -> None:
    assert Pair(1, "a") == Pair(1, "a") != Pair(2, "a")
    assert len({Pair(1), Pair(1)}) == 1


def test_a_record_has_no_other_fields() -> None:
    with pytest.raises(AttributeError):
        object.__setattr__(Pair(1), "three", 3)


def test_a_record_is_changed_by_making_another() -> None:
    assert replace(Pair(1), two="b") == Pair(1, "b")
