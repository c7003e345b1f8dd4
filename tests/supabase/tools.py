"""Other people's programs that look at the schema; ``.ci/supabase`` installs and names them."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import child_environ

SUPABASE_CLI = os.environ.get("TOOL_SUPABASE", "")
PGSPOT = os.environ.get("TOOL_PGSPOT", "")

needs_supabase_cli = pytest.mark.skipif(
    not SUPABASE_CLI, reason="TOOL_SUPABASE names no program (see .ci/supabase)"
)
needs_pgspot = pytest.mark.skipif(
    not PGSPOT, reason="TOOL_PGSPOT names no program (see .ci/supabase)"
)


def supabase_cli(*arguments: str, folder: Path) -> str:
    """What Supabase's program writes to stdout; it must succeed.

    ``folder`` is its home and its project, so that it finds nothing of the user who runs the tests.
    """
    return _run(
        [SUPABASE_CLI, *arguments, "--agent", "no", "--workdir", str(folder)],
        {"HOME": str(folder), "DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1"},
    )


def pgspot(*arguments: str | Path) -> str:
    """What pgspot finds: one line each, then a summary."""
    return _run([PGSPOT, *map(str, arguments)], {}, exit_codes=(0, 1))


def _run(command: list[str], env: dict[str, str], *, exit_codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        command,
        env=child_environ(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in exit_codes, done.stdout + done.stderr
    return done.stdout
