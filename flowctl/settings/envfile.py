"""The file of ``--env-file``."""

import re
from pathlib import Path

from flowctl.errors import InputError

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_QUOTED = re.compile(r"""'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)\"""")
_NO_FILE = "give --env-file a readable text file"
_ANOTHER_USERS = (
    "give it to the user who runs flowctl (chown), or let systemd read it: EnvironmentFile= or"
    " LoadCredential=, as docs/recipes.md shows"
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_env_file(path: Path) -> dict[str, str]:
    r"""The variables of a file of ``KEY=VALUE`` lines, as shells and containers write them.

    ``export``, ``#`` comments and both kinds of quotes are understood; in double quotes ``\n``,
    ``\"`` and ``\\`` are escapes. Nothing is expanded. Raises InputError with the line's number.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        hint = _ANOTHER_USERS if isinstance(error, PermissionError) else _NO_FILE
        raise InputError(f"{path}: {reason}", hint=hint) from error
    variables: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        assignment = _LINE.fullmatch(text)
        value = None if assignment is None else _value(assignment["value"])
        if assignment is None or value is None:
            raise InputError(
                f"{path}:{number}: not a KEY=VALUE line",
                hint="quote a value that holds spaces and #, and end a quoted one with its quote",
            )
        variables[assignment["name"]] = value
    return variables


def _value(text: str) -> str | None:
    """A value without its quotes or comment; null when a quote is not closed."""
    if text[:1] in {"'", '"'}:
        quoted = _QUOTED.match(text)
        if quoted is None or not re.fullmatch(r"\s*(?:#.*)?", text[quoted.end() :]):
            return None
        if quoted["single"] is not None:
            return quoted["single"]
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), quoted["double"])
    return re.sub(r"(?:^|\s)#.*", "", text).strip()
