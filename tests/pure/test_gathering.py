"""How long outcomes wait for each other before they are recorded."""

import pytest

from flowctl.dispatch.senders import CLOSE_TOGETHER, GATHERING, Gathering


def test_an_outcome_waits_a_moment_for_the_next() -> None:
    assert Gathering().seconds_left(100.0) == CLOSE_TOGETHER


@pytest.mark.parametrize("apart", [CLOSE_TOGETHER / 10, CLOSE_TOGETHER / 2, CLOSE_TOGETHER])
def test_outcomes_that_keep_coming_do_not_hold_up_the_first(apart: float) -> None:
    gathering = Gathering()
    now = 0.0
    while now <= GATHERING and (seconds_left := gathering.seconds_left(now)) >= apart:
        now += apart

    assert now + seconds_left == pytest.approx(GATHERING)


def test_what_is_there_after_that_is_waited_for_no_more() -> None:
    gathering = Gathering()
    gathering.seconds_left(0.0)

    assert gathering.seconds_left(GATHERING * 2) == 0.0
