"""The keys of one table of a steps file, read one by one; what is wrong with them is collected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from flowctl.flowfile.jsonvalue import json_object
from flowctl.model import JsonObject
from flowctl.text import CONTROL
from flowctl.times import A_DURATION, parse_duration

_T = TypeVar("_T")


@dataclass(slots=True)
class Mistakes:
    """What is wrong with a file, a line each, in the order found."""

    file: Path
    lines: list[str] = field(default_factory=list)

    def add(self, location: str, name: str, problem: str, expected: str) -> None:
        """Note that the field ``name`` of ``location`` has a ``problem``."""
        where = ": ".join(part for part in (str(self.file), location, name) if part)
        self.lines.append(f"{where}: {problem}, expected {expected}")


def nearest(word: str, known: tuple[str, ...]) -> str:
    """The known word that ``word`` was probably meant to be, quoted, else all of them."""
    matches = get_close_matches(word.lower(), known, n=1)
    return f"'{matches[0]}'" if matches else "one of " + ", ".join(known)


class Fields:
    """A table of the file. A key that is wrong is noted and reads as if it were not there."""

    def __init__(self, table: Mapping[str, object], location: str, mistakes: Mistakes) -> None:
        self.table = table
        self.location = location
        self._mistakes = mistakes

    def __contains__(self, name: str) -> bool:
        return name in self.table

    def inner(self, table: Mapping[str, object], location: str) -> "Fields":
        """A table inside this one."""
        return Fields(table, location, self._mistakes)

    def wrong(self, name: str, problem: str, expected: str) -> None:
        """Note a mistake in this table."""
        self._mistakes.add(self.location, name, problem, expected)

    def only(self, known: tuple[str, ...]) -> None:
        """Note every key that is not among ``known``."""
        for name in self.table:
            if name not in known:
                self.wrong(name, "unknown key", nearest(name, known))

    def text(self, name: str) -> str | None:
        """A string that PostgreSQL can store."""
        value = self._of_type(name, str, "a text in quotes")
        if value is not None and "\x00" in value:
            self.wrong(name, "has a NUL character", "a text without it")
            return None
        return value

    def label(self, name: str, *, is_required: bool = True) -> str | None:
        """A name or key: one line, not empty, no blanks around it."""
        value = self.text(name)
        if name not in self.table:
            if is_required:
                self.wrong(name, "missing", "a name of its own")
        elif value is not None and not value.strip():
            self.wrong(name, "is empty", "a name of its own")
        elif value is not None and (value != value.strip(" ") or CONTROL.search(value)):
            self.wrong(
                name, f"{value!r} has blanks around it or control characters", "a plain name"
            )
        else:
            return value
        return None

    def choice(self, name: str, words: tuple[str, ...]) -> str | None:
        """One of ``words``."""
        value = self.text(name)
        if value is None or value in words:
            return value
        self.wrong(name, f"'{value}'", " or ".join(f"'{word}'" for word in words))
        return None

    def boolean(self, name: str, *, default: bool) -> bool:
        """``true`` or ``false``."""
        value = self._of_type(name, bool, "true or false")
        return default if value is None else value

    def integer(self, name: str, *, default: int, highest: int) -> int:
        """A whole number from 0 to ``highest``."""
        expected = f"a whole number from 0 to {highest}"
        value = self._of_type(name, int, expected)
        if value is None:
            return default
        if not 0 <= value <= highest:
            self.wrong(name, str(value) if abs(value) < 10**18 else "too large", expected)
            return default
        return value

    def duration(self, name: str) -> timedelta | None:
        """A duration."""
        value = self._of_type(name, str, A_DURATION)
        try:
            return None if value is None else parse_duration(value)
        except ValueError as error:
            self.wrong(name, f"'{value}'", str(error))
            return None

    def json_object(self, name: str) -> JsonObject | None:
        """A table, or a string that holds a JSON object (TOML has no null)."""
        try:
            return json_object(self.table[name]) if name in self.table else None
        except ValueError as error:
            self.wrong(name, str(error), "a table such as { status = 'new' }")
            return None

    def tables(self, name: str) -> tuple[Mapping[str, object], ...]:
        """An array of tables, as ``[[name]]`` writes it."""
        value = self._of_type(name, list, f"[[{name}]]") or []
        found = tuple(entry for entry in value if isinstance(entry, dict))
        if len(found) < len(value):
            self.wrong(name, "is an array of other things than tables", f"[[{name}]]")
        return found

    def _of_type(self, name: str, kind: type[_T], expected: str) -> _T | None:
        value = self.table.get(name)
        if value is None:
            return None
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        self.wrong(name, f"is {_KINDS.get(type(value), 'a date or a time')}", expected)
        return None


_KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "a boolean",
    int: "a whole number",
    float: "a number",
    list: "an array",
    dict: "a table",
}
