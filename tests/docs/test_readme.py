"""README does what it says, from its first command to its last, and names all there is."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from flowctl import cli
from tests.docs.console import examples, run
from tests.docs.readme import ROOT, TEXT, section

SETTING = re.compile(r"\b(?:DATABASE_URL|(?:SMTP|EMAIL|TWILIO|FLOWCTL)_[A-Z_]*[A-Z])\b")


@pytest.mark.timeout(300)
def test_the_commands_of_the_readme(tmp_path: Path, data_dir: Path, empty_database: str) -> None:
    """In order, in a folder with the example steps file; from the line on that tells the reader to
    set DATABASE_URL on a database with nothing in it yet."""
    shutil.copy(ROOT / "flows.example.toml", tmp_path)
    environ = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "FLOWCTL_DATA_DIR": str(data_dir),
    }
    configured = TEXT.count("\n", 0, TEXT.index("export DATABASE_URL="))
    for example in examples(TEXT):
        if example.line > configured:
            environ["DATABASE_URL"] = empty_database
        output, status = run(example, tmp_path, environ)
        assert example.matches(output, status), (
            f"README.md:{example.line}: $ {example.command}\n{output}\nexit {status}"
        )


def test_every_setting_is_in_the_table() -> None:
    code = "".join(file.read_text("utf-8") for file in (ROOT / "flowctl").rglob("*.py"))
    assert set(SETTING.findall(section("Configuration"))) == set(SETTING.findall(code))


def test_every_command_is_named() -> None:
    missing = [name for name in command_names() if f"flowctl {name}" not in TEXT]
    assert missing == []


def test_every_command_that_is_named_exists() -> None:
    code = "\n".join(re.findall(r"```.*?^```$|`[^`\n]+`", TEXT, re.DOTALL | re.MULTILINE))
    named = re.findall(r"flowctl (?:--env-file \S+ )?([a-z][a-z-]*)(?: ([a-z-]+))?", code)
    known = command_names()
    groups = {name.split()[0] for name in known if " " in name}
    assert named
    for first, second in named:
        assert (f"{first} {second}" if first in groups else first) in known


def command_names() -> set[str]:
    """All commands as they are typed: ``dispatch``, ``steps sync``."""
    names = set()
    app = cli.build_app()
    for command in app.registered_commands:
        names.add(str(command.name))
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            names.add(f"{group.name} {command.name}")
    return names
