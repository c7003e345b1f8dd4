"""Pictures of the terminal for the documents: what the program prints, drawn as SVG.

``python -m tests.docs.pictures`` writes them and those of the report to ``docs/pictures``. Only
what is the same on every day is drawn; a test draws it again and compares.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import Any

from tests.docs.readme import ROOT
from tests.docs.report_pictures import report_page, report_pictures

FOLDER = ROOT / "docs" / "pictures"

PICTURES: Mapping[str, str] = {
    "plan.svg": "steps sync flows.toml --dry-run",
    "preview.svg": "preview --created-at '2026-03-28 15:00' --timezone Europe/Berlin --explain "
    """--file flows.toml --lead '{"first_name": "Ada", "email": "ada@example.com", """
    """"phone": "+4915112345678"}'""",
    "mistakes.svg": "steps sync mistakes.toml",
}
"""Each with its command."""

FILES: Mapping[str, str] = {
    "flows.toml": """
[[flows]]
name = "nurture"
send_window = { start = "8:00 AM", end = "8:00 PM", types = ["text"] }

[[flows.steps]]
key = "welcome"
type = "email"
subject = "Welcome, {{ first_name | default: 'friend' }}"
content = "Hello {{ frist_name }}, good to have you here."

[[flows.steps]]
key = "follow-up"
type = "text"
day = 1
time = "2:30 AM"
content = "Hi {{ first_name }}, did you find your way around?"
""",
    "mistakes.toml": """
[[flows]]
name = "nurture"
timezone = "Eastern Standard Time"

[[flows.steps]]
key = "hi"
type = "text"
time = "25:00"
content = "Hi {{ first_name"
""",
}

WIDTH, HEIGHT, EDGE = 8.4, 20, 16
"""Pixels of a character, of a line, and around them all."""


COLUMNS = 100
_AS_IT_IS: Mapping[str, Any] = {
    "subsequent_indent": "    ",
    "replace_whitespace": False,
    "drop_whitespace": False,
    "break_long_words": False,
}


def pictures(url: str) -> Iterator[tuple[str, str]]:
    """The name of each picture and its text, as a database with nothing in it gives them."""
    with TemporaryDirectory() as folder:
        for name, text in FILES.items():
            (Path(folder) / name).write_text(text, "utf-8")
        for name, command in PICTURES.items():
            done = subprocess.run(
                ["/bin/bash", "-c", f'"$0" -m flowctl {command} 2>&1', sys.executable],
                env={**os.environ, "DATABASE_URL": url, "PYTHONUNBUFFERED": "1"},
                cwd=folder,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                check=False,
            )
            yield name, drawn([f"$ flowctl {command}", *done.stdout.rstrip().splitlines()])


def drawn(lines: list[str]) -> str:
    """Lines of a terminal as SVG: of text alone, in the font that the reader has."""
    lines = [part for line in lines for part in wrap(line, COLUMNS, **_AS_IT_IS) or [""]]
    width = round(max(map(len, lines)) * WIDTH + 2 * EDGE)
    height = len(lines) * HEIGHT + 2 * EDGE
    texts = "".join(
        f'<text x="{EDGE}" y="{EDGE + 15 + number * HEIGHT}" '
        f'textLength="{len(line) * WIDTH:.1f}" fill="{_colour(line)}">{_spaced(line)}</text>\n'
        for number, line in enumerate(lines)
        if line
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#1b1f27"/>\n'
        '<g font-family="monospace" font-size="14">\n'
        f"{texts}</g>\n</svg>\n"
    )


def _spaced(line: str) -> str:
    """The line with spaces that no reader of SVG takes for one."""
    return escape(line).replace(" ", "&#160;")


def _colour(line: str) -> str:
    beginnings = {"$": "#7fd1ae", "error:": "#ff8f8f", "warning:": "#f3c969", "hint:": "#8fb8ff"}
    return next((one for word, one in beginnings.items() if line.startswith(word)), "#e6e6e6")


def main() -> None:
    """Write them."""
    from tests.benchmarks.server import durable_database

    FOLDER.mkdir(exist_ok=True)
    with durable_database() as url:
        for name, text in pictures(url):
            (FOLDER / name).write_text(text, "utf-8")
        for name, picture in report_pictures(report_page(url)):
            (FOLDER / name).write_bytes(picture)


if __name__ == "__main__":
    main()
