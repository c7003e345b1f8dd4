"""Dispatchers as processes: some kill themselves at a chosen event, others are killed from outside.

The former are forked from a process that has the program loaded, so that hundreds can die.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from flowctl.dispatch import run as dispatch_run
from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.options import Options
from flowctl.dispatch.request import Request
from flowctl.settings import Settings

# What a run loads when it needs it, loaded once for all of them.
from flowctl.transports import smtp, twilio  # noqa: F401
from tests.support.cli import child_environ

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["pytest", __name__])

TIME_LIMIT = 60
"""Seconds, after which a test fails instead of hanging."""


@dataclass(frozen=True, slots=True)
class Death:
    """The moment to die: when an event of a kind happens for the ``nth`` time, from 1."""

    kind: EventKind
    nth: int


class Doomed:
    """An observer that kills its process with SIGKILL: nothing is flushed, closed or given back."""

    def __init__(self, death: Death) -> None:
        self._death = death
        self._seen = 0
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        """Take note of an event, and die if it is the one. Called from senders' threads, too."""
        if event.kind is not self._death.kind:
            return
        with self._lock:
            self._seen += 1
            if self._seen == self._death.nth:
                os.kill(os.getpid(), signal.SIGKILL)


def dispatch_until(
    death: Death, conninfo: str, environ: Mapping[str, str], *, concurrency: int
) -> bool:
    """Run ``dispatch --once`` in a process that dies so; whether it came to that."""
    process = FORKING.Process(target=_dispatch, args=(death, conninfo, environ, concurrency))
    process.start()
    process.join(TIME_LIMIT)
    assert process.exitcode in {0, -signal.SIGKILL}, f"exit code {process.exitcode}"
    return process.exitcode != 0


def dispatch_to_the_end(conninfo: str, environ: Mapping[str, str], *, concurrency: int) -> None:
    """Run ``dispatch --once`` in a process that nobody kills."""
    never = Death(EventKind.CLAIMED, 0)
    assert not dispatch_until(never, conninfo, environ, concurrency=concurrency)


def _dispatch(death: Death, conninfo: str, environ: Mapping[str, str], concurrency: int) -> None:
    request = Request(Settings.from_env(environ), Options(concurrency=concurrency))
    with dispatch_run.prepare(conninfo, request, Doomed(death)) as run:
        run.run()


class Dispatching:
    """A running ``flowctl dispatch``; as a block it is killed at the end if it still runs.

    ``log`` is the file that its stderr goes to.
    """

    def __init__(
        self, *args: str, conninfo: str, environ: Mapping[str, str], log: Path, as_who: str = ""
    ) -> None:
        """``as_who`` is the name by which the database knows it."""
        named = f"{conninfo}&application_name={as_who}" if as_who else conninfo
        self.log = log
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flowctl", "dispatch", *args],
                env=child_environ({**environ, "DATABASE_URL": named}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    @property
    def exit_code(self) -> int | None:
        """Its exit code, or null while it runs."""
        return self._process.poll()

    def said(self) -> str:
        """What it has told on stderr until now."""
        return self.log.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Wait until it has ended; its exit code."""
        return self._process.wait(TIME_LIMIT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
