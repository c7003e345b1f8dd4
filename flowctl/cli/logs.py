"""What is logged while a command runs: a line each on stderr, without anything of a lead's."""

import logging
import traceback
from pathlib import Path

from flowctl.cli import show


def log_to_stderr(*, debug: bool) -> None:
    """Let our log go to stderr, warnings and worse; libraries' logs, which quote data, go nowhere.

    An exception is named by its class and place, since its text may hold a lead's data; with
    ``debug`` its traceback follows.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    ours = logging.getLogger("flowctl")
    ours.handlers = [_OneLine(debug=debug)]
    ours.propagate = False


class _OneLine(logging.Handler):
    """Shows each record as one line."""

    def __init__(self, *, debug: bool) -> None:
        super().__init__(logging.WARNING)
        self._debug = debug

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        error = record.exc_info[1] if record.exc_info else None
        text = record.getMessage()
        if error is not None:
            text = f"{text}: internal error: {type(error).__name__}{_place(error)}"
        show.warn(" ".join(text.split()))
        if error is not None and self._debug:
            show.say("".join(traceback.format_exception(error)).rstrip())


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
