"""What SIGTERM and SIGINT do before and after a command has its own way to end.

Nothing else is imported here: a signal may come while the rest of the program is being loaded.
"""

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

_OPTIONS_WITH_VALUE = ("--env-file",)


def end_on_sigterm(signum: int, _frame: FrameType | None) -> NoReturn:
    """End as an exit does, so that connections close and the embedded server is left in order."""
    sys.exit(128 + signum)


def catch_early(arguments: Sequence[str]) -> None:
    """Have signals end the program in order from now on.

    A dispatcher that has begun nothing yet has finished what is in flight: it exits with 0.
    """
    signal.signal(signal.SIGTERM, end_on_sigterm)
    if _command(arguments) == "dispatch":
        signal.signal(signal.SIGTERM, _end_well)
        signal.signal(signal.SIGINT, _end_well)


def _command(arguments: Sequence[str]) -> str | None:
    """The first word that is neither an option nor the value of one."""
    words = iter(arguments)
    for word in words:
        if word in _OPTIONS_WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None


def _end_well(_signum: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
