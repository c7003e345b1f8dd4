"""PostgreSQL's own programs as an operator runs them: dumps and restores."""

import os
import subprocess
from pathlib import Path

from flowctl.embedded.binaries import find_binaries


def program(name: str, *arguments: str | Path, may_fail: bool = False) -> str:
    """Run one of the test server's programs; returns what it says on stderr."""
    done = subprocess.run(
        [find_binaries(os.environ).folder / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert may_fail or done.returncode == 0, done.stderr
    return done.stderr


def dump(url: str, file: Path, *options: str) -> Path:
    """Dump a database, whole unless the options say otherwise, in the form for ``pg_restore``."""
    program("pg_dump", url, "--format=custom", f"--file={file}", *options)
    return file


def restore(file: Path, url: str, *options: str, may_fail: bool = False) -> str:
    """Restore such a dump; returns what ``pg_restore`` says."""
    return program("pg_restore", f"--dbname={url}", *options, file, may_fail=may_fail)
