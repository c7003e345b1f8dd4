"""The file of the rows that were not taken: mended, it can be imported as it is."""

import csv
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from flowctl.errors import InputError
from flowctl.leadfile.reading import LeadFile

if TYPE_CHECKING:
    from pathlib import Path

REASON = "flowctl_reason"
"""The header of the last cell, which an import leaves out."""

_RUN = r"(?:[=@\t\r]|[+-](?![0-9 ().\-/]*\Z))"
"""How a cell begins that a spreadsheet would run; a number with its sign is none."""

_FORMULA = re.compile(rf"'*{_RUN}")
_GUARDED = re.compile(rf"'(?='*{_RUN})")


def guard(cell: str) -> str:
    """A cell that no spreadsheet runs: an apostrophe before what would be a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """The cell that was guarded."""
    return cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) else cell


class RejectsFile:
    """``NAME.rejects.csv`` beside a file, made with its first row and never in place of another."""

    def __init__(self, source: LeadFile) -> None:
        self._source = source
        self._file: TextIO | None = None
        self.path: Path | None = None

    def add(self, cells: Sequence[str], line: int, reason: str) -> None:
        """Write a row. Raises InputError where the folder cannot be written to."""
        width = len(self._source.header) - self._has_reason()
        kept = list(cells)
        if self._has_reason() and len(kept) > width:
            del kept[self._reason_cell()]
        kept += [""] * (width - len(kept))
        self._write([*kept, f"line {line}: {reason}"])

    def flush(self) -> None:
        """Hand over what was written."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """The end of the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, cells: Sequence[str]) -> None:
        if self._file is None:
            self._file = self._open()
            header = [name for name in self._source.header if name.casefold() != REASON]
            self._write([*header, REASON])
        csv.writer(
            self._file,
            delimiter=self._source.delimiter,
            quoting=csv.QUOTE_ALL if self._source.quoted else csv.QUOTE_MINIMAL,
            lineterminator="\r\n",
        ).writerow([guard(cell) for cell in cells])

    def _open(self) -> TextIO:
        source = self._source.path
        # a mark, where the file had one: spreadsheets need it to see that it is UTF-8
        encoding = "utf-8-sig" if self._source.encoding.mark_length else "utf-8"
        number = 1
        while True:
            ending = ".rejects.csv" if number == 1 else f".rejects.{number}.csv"
            self.path = source.with_name(source.stem + ending)
            try:
                return self.path.open("x", encoding=encoding, newline="")
            except FileExistsError:
                number += 1
            except OSError as error:
                raise InputError(
                    f"{self.path}: cannot be written: {(error.strerror or '').lower()}",
                    hint="copy the file to a folder that you may write to, and import it there",
                ) from error

    def _has_reason(self) -> bool:
        return any(name.casefold() == REASON for name in self._source.header)

    def _reason_cell(self) -> int:
        return [name.casefold() for name in self._source.header].index(REASON)
