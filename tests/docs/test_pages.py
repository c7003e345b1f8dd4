"""What README and the pages of docs/ name is there: commands with their options, and pages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from flowctl import cli
from tests.docs.readme import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

CODE = re.compile(r"```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"flowctl (?:--env-file \S+ )?([a-z][a-z-]*)([^`\n|>]*)")
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]+))?\)")


def commands() -> dict[str, set[str]]:
    """Each command as it is typed, and its long options."""
    app = get_command(cli.build_app())
    found: dict[str, set[str]] = {}
    for name, command in app.commands.items():  # type: ignore[attr-defined]
        for part, one in getattr(command, "commands", {"": command}).items():
            options = {option for parameter in one.params for option in parameter.opts}
            found[f"{name} {part}".strip()] = options
    return found


def named(page: Path) -> Iterator[tuple[str, str]]:
    """What follows ``flowctl`` in the code of a page: a command, and its arguments."""
    for code in CODE.findall(page.read_text("utf-8")):
        for match in COMMAND.finditer(code.replace("\\\n", " ")):
            yield match[1], match[2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_that_are_named_have_these_options(page: Path) -> None:
    known = commands()
    for first, rest in named(page):
        name = first if first in known else f"{first} {rest.split()[0] if rest.split() else ''}"
        assert name in known, f"flowctl {first}{rest}"
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", rest):
            assert option in known[name], f"flowctl {first}{rest}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_lead_somewhere(page: Path) -> None:
    for target, heading in LINK.findall(page.read_text("utf-8")):
        there = page.parent / target if target else page
        assert there.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
            assert heading in anchors, f"{target}#{heading}"
