"""Where output goes, and who asks: pipes, full disks, signals, questions."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.raising import RAISING


def start(*argv: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start the program as a script does: with buffered output."""
    program = f"from flowctl import cli, signals; signals.catch_early([]); cli.run({RAISING!r})"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(
        [sys.executable, "-c", program, *argv],
        env=buffered,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_pipe_that_is_not_our_output_is_a_bug() -> None:
    process = start("end", "other-pipe")
    _, err = process.communicate()
    assert process.returncode == 70
    assert "BrokenPipeError" in err


@pytest.mark.parametrize("command", ["flood", "few"])
def test_a_reader_that_goes_away_ends_the_program_quietly(command: str) -> None:
    process = start("end", command)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert err == ""


def test_work_goes_on_when_nobody_reads_the_talk() -> None:
    process = start("end", "talk")
    assert process.stderr is not None
    process.stderr.close()
    assert process.stdout is not None
    assert process.stdout.read() == "done\n"
    process.stdout.close()
    assert process.wait() == 0


def test_output_that_cannot_be_written_is_an_error() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = start("end", "few", stdout=full.fileno())
        _, err = process.communicate()
    assert process.returncode == 3
    assert err.startswith("error: cannot write the output: no space left on device\nhint: ")
    assert err.count("\n") == 2


def test_sigterm_ends_the_program_in_order() -> None:
    process = start("end", "wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert err == "cleaned up\n"


def test_without_a_terminal_a_question_is_a_no() -> None:
    process = start("end", "ask")
    out, err = process.communicate()
    assert process.returncode == 1
    assert out == ""
    assert err.endswith("hint: pass --yes\n")


def test_yes_is_said_beforehand() -> None:
    process = start("end", "ask", "--yes")
    assert process.communicate() == ("done\n", "")
    assert process.returncode == 0


_WRITES_MUCH = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
    "from flowctl import cli; cli.show.escape_what_cannot_be_shown();"
    "sys.exit(cli.main(['write'], ['tests.cli.large_output']))"
)


def test_an_unbuffered_output_that_ends_early_is_an_error(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        ran = subprocess.run(
            [sys.executable, "-c", _WRITES_MUCH],
            stdout=out,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            timeout=60,
            check=False,
        )
    assert ran.returncode == 3
    assert ran.stderr.startswith(b"error: cannot write the output: file too large\n")
    assert (tmp_path / "out").stat().st_size == 100_000


def test_an_unbuffered_reader_who_goes_away_ends_it_quietly() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITES_MUCH],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.read(1) == b"x"
        running.stdout.close()
        assert running.wait(60) == 141
        assert running.stderr.read() == b""
