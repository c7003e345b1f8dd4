"""Run the program, as ``flowctl`` or ``python -m flowctl``."""

import sys
from typing import NoReturn

from flowctl import signals


def main() -> NoReturn:
    """Run the process's own arguments and exit."""
    signals.catch_early(sys.argv[1:])
    from flowctl.cli import run

    run()


if __name__ == "__main__":
    main()
