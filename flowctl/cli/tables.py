"""Tables as plain text, and how wide a text is on a terminal."""

import unicodedata
from collections.abc import Sequence

from flowctl.text import escape

_COLUMN_GAP = "  "


def width(text: str) -> int:
    """How many cells of a terminal ``text`` takes: wide characters two, combining ones none."""
    return sum(_cells(character) for character in text)


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for files and pipes: every value whole, columns two spaces apart, one row a line."""
    table = [tuple(escape(value) for value in row) for row in (columns, *rows)]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    return "\n".join(_line(row, widths) for row in table)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        value + " " * (wanted - width(value)) for value, wanted in zip(row, widths, strict=True)
    )
    return _COLUMN_GAP.join(padded).rstrip()


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
