"""Waiting on a condition, with a deadline that only a hang reaches."""

from collections.abc import Callable

from flowctl.embedded.deadline import Deadline


def until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Return as soon as the condition holds; fail the test when it does not within the time."""
    deadline = Deadline(seconds)
    while not condition():
        assert deadline.pause(), f"still not so after {seconds} s: {condition}"
