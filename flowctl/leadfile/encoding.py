"""How a file's bytes become text: a byte order mark decides, then UTF-8, then the user."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from flowctl.errors import InputError, UsageError

_MARKS = (
    # UTF-32's begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD = 64
"""Bytes at the start in which the zero bytes of UTF-16 are looked for."""

UNREADABLE = "\udfff"
"""Stands for bytes that are no text in the file's encoding; no encoding can produce it."""

_ERRORS = "flowctl-unreadable"


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE, error.end


codecs.register_error(_ERRORS, _replace)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The name of a codec, and how many bytes of byte order mark stand before the text."""

    name: str
    mark_length: int = 0

    @contextmanager
    def open(self, path: Path) -> Iterator[TextIO]:
        """The text of a file with its line ends as they are."""
        with path.open("rb") as file:
            file.seek(self.mark_length)
            with io.TextIOWrapper(file, self.name, errors=_ERRORS, newline="") as text:
                yield text


def detect(path: Path, wanted: str | None) -> Encoding:
    """The encoding of a file. A byte order mark wins over the ``wanted`` encoding.

    Without either, zero bytes at the start mean UTF-16, and anything else counts as UTF-8; whether
    it is that is seen when it is read. Raises UsageError for an encoding that does not exist, and
    InputError for what is not a file.
    """
    chosen = None if wanted is None else _codec(wanted)
    if not path.is_file():
        reason = "is not a regular file" if path.exists() else "no such file"
        raise InputError(f"{path}: {reason}", hint="name a CSV file")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    return Encoding(chosen or _unmarked(head))


def _unmarked(head: bytes) -> str:
    """Latin letters in UTF-16 have a zero byte each, on one side."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head) or even == odd:
        return "utf-8"
    return "utf-16-le" if odd > even else "utf-16-be"


def _codec(name: str) -> str:
    try:
        "".encode(name)  # refuses codecs that do not make text, such as base64
        return codecs.lookup(name).name
    except LookupError as error:
        raise UsageError(
            f"--encoding: there is no encoding {name!r}",
            hint="usual ones are cp1252, cp1250, latin-1, mac-roman, utf-16",
        ) from error
