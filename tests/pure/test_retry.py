"""Pauses between attempts: around the planned ones, spread, and never shorter than asked for."""

from datetime import timedelta
from random import Random

from flowctl.retry import JITTER, MAX_ATTEMPTS, PAUSES, pause_after


def test_pauses_are_spread_to_both_sides() -> None:
    random = Random(3)  # noqa: S311 - jitter
    for attempts, planned in enumerate(PAUSES, start=1):
        pauses = [pause_after(attempts, random) or timedelta() for _ in range(200)]
        assert planned * (1 - JITTER) <= min(pauses) < planned * (1 - JITTER / 2)
        assert planned * (1 + JITTER / 2) < max(pauses) <= planned * (1 + JITTER)


def test_a_provider_that_asks_for_more_gets_it_and_for_less_does_not() -> None:
    hour = timedelta(hours=1)
    assert pause_after(1, Random(3), hour) == hour  # noqa: S311 - jitter
    assert pause_after(4, Random(3), timedelta(seconds=1)) == pause_after(4, Random(3))  # noqa: S311 - jitter


def test_the_last_attempt_has_no_pause_whatever_the_provider_asks() -> None:
    assert pause_after(MAX_ATTEMPTS, Random(3), timedelta(hours=1)) is None  # noqa: S311 - jitter
