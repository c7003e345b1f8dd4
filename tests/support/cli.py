"""Running the installed program as a process, as a user or cron does."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

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
    """Run ``flowctl`` to its end and return what it left. Nobody is there to be asked."""
    done = subprocess.run(
        [sys.executable, "-m", "flowctl", *map(str, args)],
        env=child_environ(env),
        input=input or "",
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=TIME_LIMIT,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
