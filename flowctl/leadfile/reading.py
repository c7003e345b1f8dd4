"""Rows of a delimited file with the line numbers of the file (RFC 4180 and what comes near it)."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from flowctl.errors import InputError
from flowctl.leadfile.cells import INVISIBLE
from flowctl.leadfile.encoding import UNREADABLE, Encoding, detect

DELIMITERS = "\t;,|"
"""The likelier one first, where a header holds as many of one as of another."""

FIELD_LIMIT = 1_000_000
"""Characters of one cell; what is longer is a quote that was forgotten."""

HEADER_LINES = 100
"""Lines that a header may have; what is longer is a quote that was forgotten."""

QUOTE = '"'

_SEP = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)


class Row(NamedTuple):
    """A row: the line of the file where it begins, its cells, and what is wrong with its form."""

    line: int
    cells: list[str]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class LeadFile:
    """A file whose header was read.

    ``lines`` is how many lines of the file end with the header; ``spaced`` says that blanks follow
    the delimiters, ``quoted`` that every name in the header is in quotes.
    """

    path: Path
    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    lines: int
    spaced: bool
    quoted: bool

    def rows(self) -> Iterator[Row]:
        """The rows below the header, those of nothing left out.

        Raises InputError, naming the line, where the file cannot be read any further.
        """
        csv.field_size_limit(FIELD_LIMIT)
        with self.encoding.open(self.path) as text:
            lines = _Lines(self.path, self.encoding, text)
            for _ in islice(lines, self.lines):
                pass
            reader = csv.reader(
                lines, delimiter=self.delimiter, skipinitialspace=self.spaced, strict=True
            )
            while True:
                lines.begin_row()
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    row = self._faulty(lines, error)
                else:
                    if cells is None:
                        return
                    row = Row(lines.first, cells, lines.fault)
                if not is_blank(row.cells):
                    yield row

    def _faulty(self, lines: "_Lines", error: csv.Error) -> Row:
        """A row whose quotes are wrong; raises InputError where the rest of the file is too."""
        opened = lines.first + _opening_line(lines.row, self.delimiter)
        where = f"{self.path.name}, line {opened}"
        if "field limit" in str(error):
            raise InputError(
                f"{where}: a cell of more than {FIELD_LIMIT:,} characters",
                hint="a quote at its beginning or end is missing",
            )
        if len(lines.row) > 1 or "unexpected end" in str(error):
            raise InputError(
                f"{where}: a quote that opens here is not closed where its cell ends",
                hint='close it; a quote inside a quoted cell is written twice: ""',
            )
        loose = csv.reader(lines.row, delimiter=self.delimiter, skipinitialspace=self.spaced)
        return Row(lines.first, next(loose), 'a quote inside a quoted cell is not doubled ("")')


class _Lines(Iterator[str]):
    """The lines of a file, and those of the row that is being read."""

    def __init__(self, path: Path, encoding: Encoding, text: TextIO) -> None:
        self._path = path
        self._encoding = encoding
        self._text = iter(text)
        self._number = 0
        self.first = 1
        self.row: list[str] = []
        self.fault: str | None = None

    def begin_row(self) -> None:
        """The next line begins a row."""
        self.first = self._number + 1
        self.row = []
        self.fault = None

    def __next__(self) -> str:
        line = next(self._text)
        self._number += 1
        if UNREADABLE in line:
            raise InputError(
                f"{self._path.name}, line {self._number}: not {self._encoding.name.upper()}",
                hint="say how the file was saved, for example --encoding cp1252",
            )
        if "\x00" in line:
            self.fault = "holds a NUL character, which no database can store"
        self.row.append(line)
        return line


def open_file(path: Path, wanted: str | None) -> LeadFile:
    """Read the header of a file. Raises UsageError and InputError as ``encoding.detect`` does, and
    InputError for a file without a header."""
    encoding = detect(path, wanted)
    with encoding.open(path) as text:
        lines = _Lines(path, encoding, text)
        delimiter = None
        record = next(lines, "")
        if declared := _SEP.fullmatch(record):
            delimiter = declared[1]
            record = next(lines, "")
        while record and not record.strip(DELIMITERS + ' "\r\n'):
            record = next(lines, "")
        first = len(lines.row)
        while record.count(QUOTE) % 2:
            following = next(lines, None)
            if following is None or len(lines.row) > first + HEADER_LINES:
                raise InputError(
                    f"{path.name}, line {first}: a quote in the header is not closed",
                    hint="close it",
                )
            record += following
        read = len(lines.row)
    if not record.strip():
        raise InputError(f"{path.name} is empty", hint="its first line must name the columns")
    return _with_header(path, encoding, record, read, delimiter)


def _with_header(
    path: Path, encoding: Encoding, record: str, lines: int, delimiter: str | None
) -> LeadFile:
    delimiter = delimiter or _delimiter(record)
    spaced = f'{delimiter} "' in _unquoted(record) and delimiter != " "
    lines_of_header = io.StringIO(record, newline="")
    header = next(csv.reader(lines_of_header, delimiter=delimiter, skipinitialspace=spaced))
    quoted = record.count(QUOTE) >= 2 * len(header)
    return LeadFile(path, encoding, delimiter, tuple(header), lines, spaced, quoted)


def is_blank(cells: list[str]) -> bool:
    """Whether a row says nothing at all."""
    return not any(cells) or not "".join(cells).strip(INVISIBLE)


def _delimiter(header: str) -> str:
    """What stands most often between the quotes of a header; a comma where nothing does."""
    outside = _unquoted(header)
    found = max(DELIMITERS, key=outside.count)
    return found if found in outside else ","


def _unquoted(record: str) -> str:
    """A record without what stands in its quotes."""
    return QUOTE.join(record.split(QUOTE)[::2])


def _opening_line(lines: list[str], delimiter: str) -> int:
    """On which of a row's lines, counted from 0, the last of its quoted cells begins."""
    opened, is_inside, before = 0, False, delimiter
    for number, line in enumerate(lines):
        for character in line:
            if character == QUOTE:
                if is_inside:
                    is_inside = False
                elif before in (delimiter, QUOTE):
                    # a quote right after a closing one is a doubled one: the cell goes on
                    opened = number if before == delimiter else opened
                    is_inside = True
            if character != " " or before != delimiter:
                before = character
    return opened
