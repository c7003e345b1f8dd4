"""Running the installed program as a process, as a user or cron does."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from tests.support.examples import LONG
from tests.support.forked import Forks

TIME_LIMIT = 60
"""Seconds, after which a test fails instead of hanging."""


Environ = Mapping[str, str | None]
"""Changes to the environment; null takes a variable away."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a finished command left."""

    exit_code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.stdout)


def child_environ(env: Environ | None = None) -> dict[str, str]:
    """The environment of the test with the given changes."""
    changed = {**os.environ, **(env or {})}
    return {name: value for name, value in changed.items() if value is not None}


class RunFlowctl(Protocol):
    """How the program is run; see :func:`run_flowctl`."""

    def __call__(
        self,
        *args: str | Path,
        env: Environ | None = None,
        input: str | None = None,  # noqa: A002 - the name that subprocess.run gives it
        cwd: Path | None = None,
    ) -> Ran:
        """Run the program to its end."""
        ...


def run_flowctl(
    *args: str | Path,
    env: Environ | None = None,
    input: str | None = None,  # noqa: A002 - the name that subprocess.run gives it
    cwd: Path | None = None,
) -> Ran:
    """Run ``flowctl`` to its end and return what it left. Nobody is there to be asked.

    With ``--long`` each command is a program of its own; else it is forked where that is the same.
    """
    environ = child_environ(env)
    if LONG not in os.environ and _forks().can_run(environ):
        return Ran(*_forks().run([*map(str, args)], env=environ, stdin=input or "", cwd=cwd))
    done = subprocess.run(
        [sys.executable, "-m", "flowctl", *map(str, args)],
        env=environ,
        input=input or "",
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=TIME_LIMIT,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@cache
def _forks() -> Forks:
    """What forks the commands of this test process."""
    forks = Forks(TIME_LIMIT)
    atexit.register(forks.close)
    return forks
