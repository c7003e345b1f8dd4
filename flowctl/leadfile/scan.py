"""The first reading of a file: that it can be read to its end, and what only all of it can say."""

import shlex
from dataclasses import dataclass, field

from flowctl.leadfile import dates, optouts
from flowctl.leadfile.cells import clean, shown
from flowctl.leadfile.columns import Kind
from flowctl.leadfile.dates import Order
from flowctl.leadfile.headers import Layout
from flowctl.leadfile.reading import LeadFile, Row

_TIMES = (Kind.DATE, Kind.TIMESTAMP, Kind.INSTANT)


@dataclass(slots=True)
class Findings:
    """How many rows a file has, the order of its dates, and what is wrong with it as a whole.

    ``warnings`` are values that say no which ``--opt-out`` does not name.
    """

    rows: int = 0
    order: Order | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Denial:
    """A value that says no, where it stands first, and how often such values stand there."""

    value: str
    line: int
    rows: int = 0


class OrderOfDates:
    """Finds out whether the dates of a file put the day or the month first."""

    def __init__(self) -> None:
        self._lines: dict[Order, int] = {}
        self._undecided: tuple[str, int, str] | None = None

    def observe(self, column: str, line: int, cell: str) -> None:
        """Take a date into account."""
        found = dates.evidence(cell)
        if found is None:
            return
        if found.order is not None:
            self._lines.setdefault(found.order, line)
        elif self._undecided is None:
            self._undecided = (column, line, cell)

    def decide(self) -> tuple[Order | None, str | None]:
        """The order, null where it makes no difference, and what keeps it from being known."""
        if len(self._lines) > 1:
            first, second = self._lines[Order.DMY], self._lines[Order.MDY]
            return None, (
                f"line {first} has the day first, line {second} the month: make them alike, or "
                "give --dates dmy or --dates mdy, and the others are rejected"
            )
        if self._lines:
            return next(iter(self._lines)), None
        if self._undecided is not None:
            column, line, cell = self._undecided
            return None, (
                f"{column}, line {line}: {shown(cell)} may be of two days, and no date of the file "
                "says which: give --dates dmy (day first) or --dates mdy"
            )
        return None, None


def scan(file: LeadFile, layout: Layout, order: Order | None) -> Findings:
    """Read all rows of a file. ``order`` is the one that the user gave, if any.

    Raises InputError, naming the line, for a file that cannot be read.
    """
    scanner = _Scanner(layout, order)
    rows = 0
    for rows, row in enumerate(file.rows(), 1):  # noqa: B007  # counts them
        scanner.read(row)
    return scanner.findings(rows)


class _Scanner:
    """Looks at those cells of each row that matter for the file as a whole."""

    def __init__(self, layout: Layout, order: Order | None) -> None:
        self._layout = layout
        self._order = order
        self._order_of_dates = OrderOfDates()
        self._denials: dict[int, _Denial] = {}
        self._nameless = dict.fromkeys(layout.nameless, 0)
        self._times = [
            cell
            for target in layout.targets
            if target.column.kind in _TIMES and order is None
            for cell in target.cells
        ]
        # of an opt-out column those values are looked for that the user did not name
        self._watched: list[tuple[int, bool, tuple[str, ...]]] = [
            *((cell, False, ()) for cell in layout.states),
            *((cell, True, ()) for cell in layout.consents),
            *((one.cell, False, one.values) for one in layout.opt_outs if one.values),
        ]

    def read(self, row: Row) -> None:
        """Take a row into account."""
        line, cells, _ = row
        width = len(cells)
        for cell in self._times:
            if cell < width and cells[cell]:
                self._order_of_dates.observe(self._layout.shown(cell), line, clean(cells[cell]))
        for cell, is_consent, named in self._watched:
            if cell < width and (value := clean(cells[cell])):
                self._note_denial(cell, value, line, is_consent=is_consent, named=named)
        for cell, first in self._nameless.items():
            if not first and cell < width and clean(cells[cell]):
                self._nameless[cell] = line

    def findings(self, rows: int) -> Findings:
        """What was seen in all of the file."""
        found = Findings(rows, self._order)
        found.problems += [
            f"column {cell + 1} has no header, and line {line} has a value there: "
            f"--map 'column {cell + 1}=' leaves it out"
            for cell, line in self._nameless.items()
            if line
        ]
        if self._order is None:
            found.order, undecided = self._order_of_dates.decide()
            found.problems += [] if undecided is None else [undecided]
        chosen = {opt_out.cell for opt_out in self._layout.opt_outs}
        for cell, denial in self._denials.items():
            if cell in chosen:
                found.warnings.append(_left_open(self._layout, cell, denial))
            else:
                found.problems.append(_denied(self._layout, cell, denial))
        return found

    def _note_denial(
        self, cell: int, value: str, line: int, *, is_consent: bool, named: tuple[str, ...]
    ) -> None:
        if named and optouts.matches(value, named):
            return
        if optouts.value_says_no(value) or (is_consent and optouts.denies(value)):
            self._denials.setdefault(cell, _Denial(value, line)).rows += 1


def _denied(layout: Layout, cell: int, denial: _Denial) -> str:
    header = clean(layout.header[cell])
    option = shlex.quote(f"{header}={denial.value}")
    return (
        f"{layout.shown(cell)} says {shown(denial.value)} (line {denial.line}): must such "
        f"addresses not be written to? --opt-out {option}, or --map {shlex.quote(header + '=')}"
    )


def _left_open(layout: Layout, cell: int, denial: _Denial) -> str:
    rows = "1 row" if denial.rows == 1 else f"{denial.rows} rows"
    return (
        f"{layout.shown(cell)} says {shown(denial.value)} (line {denial.line}; {rows}), which is "
        "not among the values of --opt-out: such addresses will be written to"
    )
