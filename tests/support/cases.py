"""How many of a test's cases the whole everyday run tries: some, drawn anew each time.

Whoever names a file, a test or a word gets every case of it, and so does ``pytest --long``.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from os import environ

import pytest

from tests.support.examples import LONG, SHARE

WHOLE = "TEST_WHOLE"
"""The variable that tells every test process that no part of the tests was asked for."""

FAST = "tests/pure/"
"""Tests that need no server: all their cases together take seconds."""


def is_whole(config: pytest.Config) -> bool:
    """Whether this run was asked for all the tests there are."""
    names = config.args_source is not pytest.Config.ArgsSource.ARGS
    option = config.getoption
    return names and not (option("keyword") or option("markexpr") or option("lf", default=False))


def are_drawn() -> bool:
    """Whether this run tries only some cases."""
    return WHOLE in environ and LONG not in environ


def drawn(names: Iterable[str], seed: object) -> set[str]:
    """Of each test a fifth of its cases, one at least; other cases for another seed.

    ``names`` are pytest's node ids, a case's parameters in brackets at the end.
    """
    cases = defaultdict(list)
    for name in names:
        cases[name.partition("[")[0]].append(name)
    chance = random.Random(str(seed))  # noqa: S311 - for variety, not for secrecy
    return set(
        chain.from_iterable(
            named
            if test.startswith(FAST)
            else chance.sample(sorted(named), math.ceil(len(named) / SHARE))
            for test, named in sorted(cases.items())
        )
    )
