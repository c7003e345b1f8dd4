"""What every command shares: help, exit statuses, how errors look, where output goes."""

import os
import pkgutil
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer

import flowctl
from flowctl import cli
from flowctl.errors import FlowctlError
from tests.cli import raising

RAISING = [raising.__name__]
"""The frame around commands made for these tests."""

# not pydantic: typer itself loads it for any command that has parameters
HEAVY = {
    "email_validator",
    "liquid",
    "phonenumbers",
    "psycopg",
    "requests",
    "rich",
    "smtplib",
    "tomllib",
    "twilio",
}
NEEDED_WITHOUT_A_MESSAGE = {"psycopg"}
EVERY_CHANNEL = {
    "EMAIL_FROM": "us@example.com",
    "SMTP_URL": "smtp://127.0.0.1:1",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "a token",
    "TWILIO_FROM_NUMBER": "+14155550100",
}
IMPORTED = (
    "import runpy, sys\n"
    "try:\n"
    "    runpy.run_module('flowctl', run_name='__main__')\n"
    "finally:\n"
    "    print(*sys.modules, file=sys.stderr)\n"
)
FOUND_BY_HELP = (
    "import sys\n"
    "from flowctl import cli\n"
    "commands = [line.split() for line in sys.argv[1:]]\n"
    "statuses = {cli.main([*command, '--help']) for command in commands}\n"
    "print(statuses, *sys.modules, file=sys.stderr)\n"
)


def command_paths(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from command_paths(inner, (*path, name))


ALL_COMMANDS = list(command_paths(typer.main.get_command(cli.build_app())))


GROUPS = {path[:-1] for path in ALL_COMMANDS if path}
COMMANDS = [path for path in ALL_COMMANDS if path not in GROUPS]


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


def family(base: type[FlowctlError]) -> Iterator[type[FlowctlError]]:
    for error in base.__subclasses__():
        yield error
        yield from family(error)


@pytest.mark.parametrize("path", ALL_COMMANDS, ids=" ".join)
def test_help_is_whole_at_80_columns(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No summary is cut, and no line is longer than the window."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    assert cli.main([*path, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if re.match(r"  [a-z-]+  .*[.]{3}$", line)] == []


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"flowctl {flowctl.__version__}\n"


def test_the_module_is_the_program() -> None:
    command = [sys.executable, "-m", "flowctl", "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout == f"flowctl {flowctl.__version__}\n"


def test_every_help_is_answered_without_a_heavy_module() -> None:
    paths = [" ".join(path) for path in ALL_COMMANDS]
    command = [sys.executable, "-c", FOUND_BY_HELP, *paths]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    statuses, *modules = answer.stderr.split()
    assert statuses == "{0}"
    assert not HEAVY & set(modules)


@pytest.mark.parametrize("group", sorted({path[0] for path in ALL_COMMANDS if len(path) > 1}))
def test_a_group_is_whole_in_a_process_that_asks_for_it_alone(group: str) -> None:
    """Not all modules are loaded then, and several may add to one group."""
    command = [sys.executable, "-m", "flowctl", group, "--help"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    for path in ALL_COMMANDS:
        if path[:1] == (group,) and len(path) > 1:
            assert f"\n  {path[1]} " in answer.stdout


def test_a_run_with_nothing_due_loads_no_heavy_module(database: str) -> None:
    """What cron starts each minute, and what mostly finds nothing to do."""
    answer = subprocess.run(
        [sys.executable, "-c", IMPORTED, "dispatch", "--once"],
        env={**os.environ, **EVERY_CHANNEL, "DATABASE_URL": database},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(answer.stderr.split())
    assert "flowctl.dispatch.run" in modules
    assert modules & HEAVY == NEEDED_WITHOUT_A_MESSAGE


@pytest.mark.parametrize("path", ALL_COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*path, "--help"]) == 0
    usage, _, summary, *_ = capsys.readouterr().out.splitlines()
    assert usage.startswith(" ".join(["Usage: flowctl", *path]))
    assert summary.strip()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_a_document(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*path, "--help"]) == 0
    assert "\n  --json  " in capsys.readouterr().out


def test_every_command_module_is_registered() -> None:
    package = Path(cli.__file__).parent
    names = [f"flowctl.cli.{module.name}" for module in pkgutil.iter_modules([str(package)])]
    with_commands = {name for name in names if hasattr(import_module(name), "register")}
    assert with_commands == set(cli.COMMAND_MODULES)


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


_WRITES_MUCH = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
    "from flowctl import cli; cli.show.escape_what_cannot_be_shown();"
    "sys.exit(cli.main(['write'], ['tests.cli.writing']))"
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
