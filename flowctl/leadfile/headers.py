"""Which header of a file is which column of the leads table, and what to do about the others."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from flowctl.errors import UsageError
from flowctl.leadfile import optouts
from flowctl.leadfile.cells import clean, fold
from flowctl.leadfile.columns import Column
from flowctl.leadfile.names import COLUMN_OF, SUGGESTED
from flowctl.leadfile.rejects import REASON
from flowctl.model import Channel

SPLIT = ("what stands before the first blank", "what stands after it")
"""The parts of a cell that is mapped to two columns."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user says about headers: ``(header, column)`` with no column for one to leave out,
    two for one to split; opt-outs as they were written; whether the unknown may be left out."""

    mapped: tuple[tuple[str, str], ...] = ()
    opt_outs: tuple[str, ...] = ()
    ignore_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A column, the cells of which the first that is not empty is its value, and which part of that
    cell: null for all, 0 for what stands before its first blank, 1 for what stands after it."""

    column: Column
    cells: tuple[int, ...]
    part: int | None = None


@dataclass(frozen=True, slots=True)
class OptOut:
    """A cell that says whether the row's address must not be written to, and on which channels."""

    cell: int
    values: tuple[str, ...]
    channels: tuple[Channel, ...]


@dataclass(slots=True)
class Layout:
    """What becomes of each cell of a row.

    ``other_names`` are headers taken as a column of another name; ``states`` and ``consents`` are
    the cells that nobody chose and that may say no, ``nameless`` those without a header.
    """

    header: tuple[str, ...]
    targets: list[Target] = field(default_factory=list)
    opt_outs: list[OptOut] = field(default_factory=list)
    other_names: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    consents: list[int] = field(default_factory=list)
    nameless: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def shown(self, cell: int) -> str:
        """A header as messages name it."""
        return f"'{clean(self.header[cell])}' (column {cell + 1})"


def parse_map(written: str) -> tuple[str, str]:
    """``HEADER=column``, as it is typed. Raises UsageError."""
    header, equals, column = written.rpartition("=")
    if not (equals and header.strip()):
        raise UsageError(
            f"--map: not HEADER=column: '{written}'", hint="write it like --map 'Mobile=phone'"
        )
    return header, column.strip()


def lay_out(header: Sequence[str], columns: Sequence[Column], choices: Choices) -> Layout:
    """What becomes of each header; what is wrong with them is in ``problems``, all of it."""
    return _Reader(header, columns, choices).read()


class _Reader:
    def __init__(self, header: Sequence[str], columns: Sequence[Column], choices: Choices) -> None:
        self._layout = Layout(tuple(header))
        self._columns = {column.name: column for column in columns}
        self._folded = {fold(column.name): column for column in columns}
        self._choices = choices
        self._sources: dict[tuple[str, int | None], list[int]] = {}
        self._chosen: set[int] = set()
        self._automatic: dict[str, list[int]] = {}

    def read(self) -> Layout:
        layout = self._layout
        for header, column in self._choices.mapped:
            self._map(header, column)
        for written in self._choices.opt_outs:
            self._opt_out(written)
        for cell, header in enumerate(layout.header):
            if cell not in self._chosen:
                self._take(cell, header)
        self._join()
        layout.targets = [
            Target(self._columns[name], tuple(cells), part)
            for (name, part), cells in self._sources.items()
        ]
        named = {name for name, _ in self._sources} | self._automatic.keys()
        if not named & {"email", "phone"}:
            layout.problems.append("no header is email or phone: a lead needs one of them")
        return layout

    def _map(self, header: str, names: str) -> None:
        cell = find(self._layout.header, header)
        if cell is None:
            self._layout.problems.append(no_such_header("--map", header, self._layout.header))
            return
        self._chosen.add(cell)
        parts = [name.strip() for name in names.split("+")] if names else []
        if len(parts) > len(SPLIT):
            self._layout.problems.append(f"--map: {names}: a cell can be split in two, no more")
            return
        for number, name in enumerate(parts):
            column = self._columns.get(name) or self._folded.get(fold(name))
            if column is None:
                self._layout.problems.append(
                    f"--map: leads has no column '{name}'{_nearest(name, self._columns)}"
                )
            elif column.is_computed:
                self._layout.problems.append(f"--map: column {name} is computed by the database")
            else:
                part = number if len(parts) > 1 else None
                self._sources.setdefault((column.name, part), []).append(cell)

    def _opt_out(self, written: str) -> None:
        header, value = written, ""
        cell = find(self._layout.header, written)
        if cell is None:
            header, _, value = written.partition("=")
            cell = find(self._layout.header, header)
        if cell is None:
            self._layout.problems.append(no_such_header("--opt-out", header, self._layout.header))
            return
        values: tuple[str, ...] = (clean(value).casefold(),) if clean(value) else ()
        for known in self._layout.opt_outs:
            if known.cell == cell:
                self._layout.opt_outs.remove(known)
                values = (*known.values, *values) if known.values and values else ()
                break
        channels = optouts.channels_of(self._layout.header[cell])
        self._layout.opt_outs.append(OptOut(cell, values, channels))
        self._chosen.add(cell)

    def _take(self, cell: int, header: str) -> None:
        layout, name = self._layout, clean(header)
        if not name:
            if self._choices.ignore_unknown:
                layout.ignored.append(f"column {cell + 1}")
            else:
                layout.nameless.append(cell)
            return
        if name.casefold() == REASON:
            return
        if optouts.says_no(name):
            layout.problems.append(self._says_no(cell, name))
            return
        if optouts.is_state(name):
            layout.states.append(cell)
        elif optouts.is_consent(name):
            layout.consents.append(cell)
        column = self._column(name)
        if column is not None and column.is_computed:
            layout.problems.append(
                f"{layout.shown(cell)} is computed by the database: leave it out"
            )
        elif column is not None:
            self._automatic.setdefault(column.name, []).append(cell)
        elif self._choices.ignore_unknown:
            layout.ignored.append(name)
        else:
            layout.problems.append(self._unknown(cell, name))

    def _says_no(self, cell: int, name: str) -> str:
        shown = self._layout.shown(cell)
        if optouts.is_flag(name):
            return f"{shown} says who must not be written to: --opt-out {shlex.quote(name)}"
        return (
            f"{shown} tells of addresses that must not be written to: take the file with "
            f"`flowctl suppressions import`, or give --map {shlex.quote(name + '=')}"
        )

    def _column(self, name: str) -> Column | None:
        """The column of that name, or the one that the usual other name means.

        A header ``id`` is that of another system where the database makes the ids.
        """
        column = self._columns.get(name) or self._folded.get(fold(name))
        if column is not None and column.name == "id" and (column.default or column.is_computed):
            return None
        return column or self._columns.get(COLUMN_OF.get(fold(name), ""))

    def _unknown(self, cell: int, name: str) -> str:
        error = f"{self._layout.shown(cell)} is not a column of leads"
        wanted = SUGGESTED.get(fold(name), "")
        if wanted and set(wanted.split("+")) <= self._columns.keys():
            return f"{error}; it may be --map {shlex.quote(f'{name}={wanted}')}"
        if fold(name) in self._folded:
            return f"{self._layout.shown(cell)} is another system's: --map 'id=' leaves it out"
        return error + _nearest(name, self._columns)

    def _join(self) -> None:
        """Add what was taken by name to what was mapped; no column may have two headers so."""
        for name, cells in self._automatic.items():
            mapped = [cell for (other, _), found in self._sources.items() if other == name
                      for cell in found]  # fmt: skip
            if len(cells) + len(mapped) > 1:
                both = " and ".join(self._layout.shown(cell) for cell in (*mapped, *cells))
                self._layout.problems.append(
                    f"{both} are the same column, {name}: leave one out with --map 'HEADER=', or "
                    f"map each with --map 'HEADER={name}'"
                )
                continue
            self._sources[name, None] = cells
            written = clean(self._layout.header[cells[0]])
            if fold(written) != fold(name):
                self._layout.other_names.append((written, name))


def find(header: Sequence[str], wanted: str) -> int | None:
    """Which header is meant: the one that is written so, else the first that is spelled alike."""
    names = [clean(name) or f"column {number}" for number, name in enumerate(header, 1)]
    if clean(wanted) in names:
        return names.index(clean(wanted))
    folded = [fold(name) for name in names]
    return folded.index(fold(wanted)) if fold(wanted) in folded and fold(wanted) else None


def no_such_header(option: str, wanted: str, header: Sequence[str]) -> str:
    """The problem that an option names a header which the file does not have."""
    return f"{option}: the file has no header '{clean(wanted)}'{_nearest(wanted, header)}"


def _nearest(word: str, known: Iterable[str] | Mapping[str, object]) -> str:
    spelled = {fold(name): clean(name) for name in known}
    close = get_close_matches(fold(word), spelled, n=1, cutoff=0.8)
    return f"; did you mean '{spelled[close[0]]}'?" if close else ""
