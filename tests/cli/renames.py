"""Syncs of a steps file, and the names in the database."""

from pathlib import Path
from typing import Any

from tests.support.cli import RunFlowctl


def a_file(flow: str, *steps: str, more: str = "") -> str:
    """A flow and its steps, each a key with or without a line after it."""
    written = "".join(
        f'[[flows.steps]]\nkey = "{key}"\n{lines}\ntype = "text"\nday = {day}\ncontent = "x"\n'
        for day, (key, _, lines) in enumerate((step.partition("|") for step in steps), start=1)
    )
    return f'[[flows]]\nname = "{flow}"\n{more}\n{written}'


def sync(flowctl: RunFlowctl, file: Path, content: str, *options: str) -> dict[str, Any]:
    """What a sync of this content says of names, in its lists and counts that are not empty."""
    file.write_text(content, "utf-8")
    ran = flowctl("steps", "sync", file, "--json", *options)
    assert ran.exit_code == 0, ran.stderr
    document: dict[str, Any] = ran.json()
    quiet = {"warnings", "changes"}
    return {name: said for name, said in document.items() if said and name not in quiet}
