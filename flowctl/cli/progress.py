"""How a long run is getting on: a moving line on a terminal, a plain one now and then elsewhere."""

import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING, Self

from flowctl.cli import show
from flowctl.clock import Clock, SystemClock

if TYPE_CHECKING:
    from flowctl.cli.terminal import Bar

PLAIN_INTERVAL = 10.0
"""Seconds between two lines where nothing can move, such as the log of a cron job."""

LOOP_INTERVAL = 3600.0
"""The same for what never ends, such as a service with a journal."""


class Progress:
    """Counts of what became of messages, shown on stderr while a run lasts.

    Use it as a context manager. ``advance`` may be called from any thread. The end is not shown:
    the command's own summary has the last word. ``is_plain``: lines where nothing can move, with
    ``interval`` seconds between two.
    """

    def __init__(
        self,
        *,
        total: int | None = None,
        clock: Clock | None = None,
        is_plain: bool = True,
        interval: float = PLAIN_INTERVAL,
    ) -> None:
        self._interval = interval
        self._is_plain = is_plain
        self._total = total
        self._clock = clock or SystemClock()
        self._counts: Counter[str] = Counter()
        self._shown_at = self._clock.monotonic()
        self._lock = Lock()
        self._stack = ExitStack()
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from flowctl.cli.terminal import Bar

            self._bar = self._stack.enter_context(Bar(self._total, sys.stderr))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def advance(self, counts: Mapping[str, int]) -> None:
        """Add ``counts``: outcome words (``sent``, ``failed``), and how many more of each."""
        with self._lock:
            for word, more in counts.items():  # Counter.update takes ten times as long
                self._counts[word] += more
            if self._bar is not None:
                self._bar.update(self._counts.total(), self._text())
            elif self._is_plain and self._clock.monotonic() - self._shown_at >= self._interval:
                self._shown_at = self._clock.monotonic()
                show.say(self._text())

    def _text(self) -> str:
        counts = ", ".join(f"{word} {count}" for word, count in self._counts.items() if count)
        return counts if self._total is None else f"{counts} of {self._total}"
