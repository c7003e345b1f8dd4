"""A dispatcher that is told to end before it has begun anything ends well."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cli import child_environ

ARGUMENTS = [
    ("dispatch", "--loop"),
    ("--env-file", "dispatch", "dispatch", "--once"),
]
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@contextmanager
def program(*arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """The program, running, with what it says in one pipe."""
    with subprocess.Popen(
        [sys.executable, "-m", "flowctl", *arguments],
        env=child_environ(environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_while_the_program_is_being_loaded(
    tmp_path: Path, arguments: tuple[str, ...], number: signal.Signals
) -> None:
    endless = "import threading\nprint('loading', flush=True)\nthreading.Event().wait()\n"
    (tmp_path / "typer.py").write_text(endless, "utf-8")
    with program(*arguments, PYTHONPATH=str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(number)
        assert process.communicate()[0] == ""
    assert process.returncode == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_while_it_waits_for_the_database(number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://user@127.0.0.1:{silent.getsockname()[1]}/db"
        with program("dispatch", "--loop", DATABASE_URL=url) as process, silent.accept()[0]:
            process.send_signal(number)
            assert "error" not in process.communicate()[0]
    assert process.returncode == 0


def test_other_commands_end_as_ever(tmp_path: Path) -> None:
    endless = "import threading\nprint('loading', flush=True)\nthreading.Event().wait()\n"
    (tmp_path / "typer.py").write_text(endless, "utf-8")
    with program("leads", "add", "first_name=dispatch", PYTHONPATH=str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
