"""The templates that most are, in plain Python: words, columns, and their defaults.

Liquid is the judge: what is rendered here is what Liquid renders, and anything else is left to it.
"""

import re
from collections.abc import Mapping

_OUTPUT = re.compile(r"\{\{([^{}]*)\}\}")
_COLUMN = re.compile(
    r"[ \n]*(?P<name>[a-z_][a-z0-9_]*)[ \n]*"
    r"(?:\|[ \n]*default[ \n]*:[ \n]*(?:'(?P<one>[^'\\{}]*)'|\"(?P<two>[^\"\\{}]*)\")[ \n]*)?"
)
_MARKS = re.compile(r"\{[{%]|[%}]\}|^\}|\{$")
_NO_COLUMNS = re.compile(
    "and|as|blank|contains|cols|else|empty|false|for|if|in|limit|nil|not|null|offset|or|reversed"
    "|true|with"
)
"""Words that Liquid may read otherwise."""

_LONGEST = 50_000
"""Characters of a result that is far from every limit."""

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;"})


class PlainTemplate:
    """``{{ first_name }}`` and ``{{ first_name | default: 'there' }}`` between words.

    ``parts`` are words, and columns with what stands for them where they are empty.
    """

    __slots__ = ("_html", "_parts", "fields")

    def __init__(self, parts: tuple[str | tuple[str, str], ...], *, html: bool) -> None:
        self._parts = parts
        self._html = html
        self.fields = tuple(dict.fromkeys((part[0],) for part in parts if isinstance(part, tuple)))

    @classmethod
    def read(cls, source: str, *, html: bool) -> "PlainTemplate | None":
        """The template, if it is one of these."""
        parts: list[str | tuple[str, str]] = []
        for number, piece in enumerate(_OUTPUT.split(source)):
            if number % 2 == 0:
                if _MARKS.search(piece):
                    return None
                parts.append(piece)
                continue
            found = _COLUMN.fullmatch(piece)
            if found is None or _NO_COLUMNS.fullmatch(found["name"]):
                return None
            parts.append((found["name"], found["one"] or found["two"] or ""))
        return cls(tuple(parts), html=html)

    def render(self, values: Mapping[str, object]) -> str | None:
        """The result; null where a value is none that this knows how to print."""
        written: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                written.append(part)
                continue
            name, default = part
            try:
                value = values[name]
            except KeyError:
                value = ""
            if type(value) is not str:
                return None
            if self._html:
                value = value.translate(_ESCAPES)
            written.append(value or default)
        result = "".join(written)
        return result if len(result) <= _LONGEST else None
