"""What one look found."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_SHOWN = 5


class Grade(StrEnum):
    """How bad it is. A note is worth reading; a fault has to be put right."""

    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Check:
    """A look, what it found, and, unless that is well, the next thing to type or to do."""

    name: str
    status: Grade
    detail: str
    hint: str = ""


def ok(name: str, detail: str) -> Check:
    """All is well."""
    return Check(name, Grade.OK, detail)


def note(name: str, detail: str, hint: str = "") -> Check:
    """Worth reading."""
    return Check(name, Grade.NOTE, detail, hint)


def fault(name: str, detail: str, hint: str) -> Check:
    """To be put right."""
    return Check(name, Grade.FAULT, detail, hint)


def shown(items: Sequence[str], separator: str = "; ") -> str:
    """The first few of them in one line, and how many there are beyond."""
    rest = len(items) - _SHOWN
    first = separator.join(dict.fromkeys(items[:_SHOWN]))
    return f"{first}{separator}and {rest} more" if rest > 0 else first


def cures(statements: Sequence[str]) -> str:
    """The first few SQL statements in one line, to be pasted."""
    return " ".join(dict.fromkeys(statements[:_SHOWN]))


def counted(number: int, noun: str) -> str:
    """``1 lead``, ``2 leads``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
