"""Running the ``console`` blocks of a document as its reader would, one command after the other.

A block holds lines ``$ command``, each followed by what it prints on both streams together; ``> ``
continues a command that ends in a backslash or has an open quote. In the output ``...`` stands for
anything up to the end of the line, or for any lines when it is alone on one. A command whose status
is not 0 says so in a comment: ``# exit 3``.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STATUS = re.compile(r"# exit (\d+)\s*$")
TIME_LIMIT = 60
"""Seconds, after which a command has failed."""


@dataclass(frozen=True, slots=True)
class Example:
    """A command of a document, what it prints, its exit status, and the line it stands on."""

    line: int
    command: str
    output: str
    status: int = 0

    def matches(self, output: str, status: int) -> bool:
        """Whether a run printed and returned what the document says."""
        pattern = "".join(_line_pattern(line) for line in self.output.splitlines())
        return status == self.status and bool(re.fullmatch(pattern, _tidy(output)))


def examples(text: str) -> Iterator[Example]:
    """The commands of all ``console`` blocks of a document, in its order."""
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1)) + 1
        for part in re.split(r"^(?=\$ )", block[1], flags=re.MULTILINE):
            if part.startswith("$ "):
                yield _example(line, part)
            line += part.count("\n")


def run(example: Example, folder: Path, environ: Mapping[str, str]) -> tuple[str, int]:
    """What the command prints, on both streams as a terminal shows them, and its exit status."""
    done = subprocess.run(
        ["/bin/bash", "-c", example.command],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=TIME_LIMIT,
        check=False,
    )
    return done.stdout, done.returncode


def _example(line: int, part: str) -> Example:
    first, *rest = part.splitlines()
    command = [first.removeprefix("$ ")]
    while rest and rest[0].startswith("> "):
        command.append(rest.pop(0).removeprefix("> "))
    status = STATUS.search(command[-1])
    output = _tidy("\n".join(rest))
    return Example(line, "\n".join(command), output, int(status[1]) if status else 0)


def _line_pattern(line: str) -> str:
    return r"(?:.*\n)*" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"


def _tidy(output: str) -> str:
    """The output without spaces at the ends of lines and without empty lines around it."""
    return "".join(f"{line.rstrip()}\n" for line in output.strip().splitlines())
