"""An mbox: mails one after another in a file, each begun by a line ``From `` (RFC 4155).

The file is only read. It cannot be marked without rewriting what a mail server may be appending to;
that each mail counts once is known from its digest.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from flowctl.errors import InputError
from flowctl.inbound.mime import LIMIT
from flowctl.mailboxes import StoredMail

_FROM = rb"From (?:\S+|\"[^\n]*\") {1,9}(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"
"""The envelope sender and a date as ``asctime`` writes it: a text may begin a line with From."""
_SEPARATOR = re.compile(_FROM)
_BEGINNING = re.compile(rb"\AFrom |\n\r?\n" + _FROM)
_QUOTED_FROM = re.compile(rb"(?m)^>(>*From )")
_LONGEST_LINE = 64 * 1024


class Mbox:
    """The mails of an mbox. Raises InputError for a file that is none."""

    def __init__(self, file: Path) -> None:
        with file.open("rb") as opened:
            beginning = opened.read(LIMIT)
        if beginning and not _BEGINNING.search(beginning):
            raise InputError(
                f"{file} is not an mbox: no line begins with From",
                hint="for a single mail: flowctl reconcile - < FILE; for a folder: --maildir",
            )
        self._file = file

    @property
    def name(self) -> str:
        """The file."""
        return str(self._file)

    def unread(self) -> Iterator[StoredMail]:
        """Every mail of the file; where it begins or ends in the middle of one, the rest of it."""
        with self._file.open("rb") as opened:
            for raw in _mails(opened):
                yield StoredMail(_QUOTED_FROM.sub(rb"\1", raw))

    def mark_read(self, key: str) -> None:
        """Nothing: the file is only read."""

    def close(self) -> None:
        """There is nothing to let go of."""


def _mails(file: BinaryIO) -> Iterator[bytes]:
    """The mails, each cut to ``LIMIT``. What stands before the first ``From `` line is none."""
    lines: list[bytes] = []
    size = 0
    is_after_blank, is_line_start, has_begun = True, True, False
    while line := file.readline(_LONGEST_LINE):
        is_first = not has_begun and not lines and line.startswith(b"From ")
        if is_first or (is_line_start and is_after_blank and _SEPARATOR.match(line)):
            if has_begun:
                yield b"".join(lines)
            lines, size, has_begun = [], 0, True
        if size < LIMIT:
            lines.append(line)
            size += len(line)
        is_after_blank = is_line_start and not line.strip()
        is_line_start = line.endswith(b"\n")
    if has_begun:
        yield b"".join(lines)
