"""The help of every command, and what it takes to show it."""

import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer

from flowctl import cli

HEAVY = {
    "email_validator",
    "liquid",
    "phonenumbers",
    "psycopg",
    "pydantic",
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
