r"""Text that may hold anything (a lead's name, a provider's answer) made safe to look at.

A terminal obeys control characters and reorders around bidi marks; here they are written out, as
``\x1b`` or ``\u202e``. Nothing is dropped, so that what is odd can be seen and searched for.
"""

import re
import unicodedata
from collections.abc import Sequence

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_SEPARATORS = "\u2028\u2029\ufeff"
_CONTROLS = "\x00-\x1f\x7f-\x9f"
_SURROGATES = "\ud800-\udfff"
_UNSAFE = re.compile(f"[{_CONTROLS}{_BIDI}{_SEPARATORS}{_SURROGATES}]")
_UNSAFE_BUT_LINES = re.compile(
    f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}{_SEPARATORS}{_SURROGATES}]",
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_COLUMN_GAP = "  "


def visible(text: str, *, lines: bool = False) -> str:
    """``text`` without a character that a terminal would obey.

    ``lines`` keeps line feeds and tabs, for bodies of messages; a carriage return before a line
    feed is then dropped, since it only says how the line ended.
    """
    if lines:
        return _UNSAFE_BUT_LINES.sub(_written_out, text.replace("\r\n", "\n"))
    return _UNSAFE.sub(_written_out, text)


def json_safe(document: str) -> str:
    """A JSON text in which those characters are JSON escapes: the document means the same."""
    return _UNSAFE_BUT_LINES.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def width(text: str) -> int:
    """How many cells of a terminal ``text`` takes: wide characters two, combining ones none."""
    return sum(_cells(character) for character in text)


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for files and pipes: every value whole, columns two spaces apart, one row a line."""
    table = [tuple(visible(value) for value in row) for row in (columns, *rows)]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    return "\n".join(_line(row, widths) for row in table)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        value + " " * (wanted - width(value)) for value, wanted in zip(row, widths, strict=True)
    )
    return _COLUMN_GAP.join(padded).rstrip()


def _written_out(match: re.Match[str]) -> str:
    character = match[0]
    return _NAMED.get(character) or ascii(character)[1:-1]


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
