"""What every command shares: help, exit statuses, how errors look, where output goes."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

import flowctl
from flowctl import cli
from flowctl.errors import FlowctlError
from tests.cli import raising
from tests.cli.raising import RAISING


def family(base: type[FlowctlError]) -> Iterator[type[FlowctlError]]:
    for error in base.__subclasses__():
        yield error
        yield from family(error)


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"flowctl {flowctl.__version__}\n"


def test_the_module_is_the_program() -> None:
    command = [sys.executable, "-m", "flowctl", "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout == f"flowctl {flowctl.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["end"]])
def test_a_group_without_a_command_shows_its_help(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(argv, RAISING) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(" ".join(["Usage: flowctl", *argv]))


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (["nope"], "no such command 'nope'", "flowctl --help"),
        (["--nope"], "no such option: --nope", "flowctl --help"),
        (["--env-file"], "option '--env-file' requires an argument", "flowctl --help"),
        (["end", "asks"], "no such command 'asks'. Did you mean 'ask'?", "flowctl end --help"),
        (["end", "expected"], "missing argument 'name'", "flowctl end expected --help"),
        (
            ["end", "ask", "--env-file", "f"],
            "no such option: --env-file",
            "it goes before the command: flowctl --env-file FILE end ask ...",
        ),
        (["end", "ask", "now"], "got unexpected extra argument(s) (now)", "flowctl end ask --help"),
    ],
)
def test_wrong_usage(
    argv: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(argv, RAISING) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"error: {message}\nhint: {hint}\n"


@pytest.mark.parametrize("error", list(family(FlowctlError)))
def test_an_expected_error_says_what_and_what_to_do(
    error: type[FlowctlError], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["end", "expected", error.__name__], RAISING) == error.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: what\\x1b[2J and where\n  one\n  two\nhint: what to do\n"


def test_debug_shows_where_an_expected_error_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--debug", "end", "expected", "InputError"], RAISING) == 3
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith("hint: what to do\n")


def test_a_bug_is_one_line_that_quotes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["end", "bug"], RAISING) == 70
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: internal error: KeyError at raising.py:")
    assert hint.startswith("hint: this is a bug of flowctl")
    assert raising.MARKER not in error + hint


def test_a_bug_shows_its_traceback_with_debug(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--debug", "end", "bug"], RAISING) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["end", "missing-file"], RAISING) == 3
    error = capsys.readouterr().err.splitlines()[0]
    assert error == "error: no-such-folder/file.toml: no such file or directory"


def test_a_status_without_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["end", "attention"], RAISING) == 1
    assert capsys.readouterr() == ("", "")


def test_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["end", "interrupted"], RAISING) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        (["--source", "x"], "write source=x"),
        (["--source=x"], "write source=x"),
        (["--lead-source"], "write lead_source=VALUE"),
    ],
)
def test_a_column_is_no_option(
    written: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["leads", "add", "--email", "a@example.com", *written]) == 2
    assert capsys.readouterr().err.endswith(f"hint: {hint}\n")
