"""How many random examples a property test tries: few every day, many with ``pytest --long``."""

import os

LONG = "TEST_LONG"
"""The variable by which the option reaches every test process."""

SHARE = 5
"""Every day a fifth of the examples are tried."""


def examples(many: int) -> int:
    """``many`` in a long run, a fifth of them every day."""
    return many if LONG in os.environ else max(many // SHARE, 1)
