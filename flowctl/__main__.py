"""Run the program, as ``flowctl`` or ``python -m flowctl``."""

import gc
import sys
from typing import NoReturn

from flowctl import signals

_ALLOCATIONS = 100_000
"""Objects made between two looks for garbage: nearly all that starting makes stays, and little that
a run makes refers to itself."""


def main() -> NoReturn:
    """Run the process's own arguments and exit."""
    signals.catch_early(sys.argv[1:])
    gc.set_threshold(_ALLOCATIONS)
    from flowctl.cli import run

    run()


if __name__ == "__main__":
    main()
