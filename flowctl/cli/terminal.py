"""Output with columns that fit the window and a bar that moves: the sole importer of rich.

Imported by ``show`` when the stream is a terminal, and only then. Every value goes in as ``Text``,
which rich never reads as markup. Width and colour follow the terminal, ``COLUMNS``, ``NO_COLOR``.
"""

from collections.abc import Sequence
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from flowctl.text import escape


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO) -> None:
    """Write a table that fits the window; long values go on in the next line of their column."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(Text(escape(column)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(escape(value)) for value in row))
    Console(file=stream, highlight=False, markup=False, emoji=False).print(table)


def print_styled(text: str, style: str, stream: TextIO) -> None:
    """Write a line in a colour, whole however wide the window is."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    console.print(Text(text, style=style), soft_wrap=True)


class Bar:
    """One moving line: how many of how many, what became of them, and for how long it has run.

    It is gone when the block ends; the command's own summary has the last word. Lines written to
    stderr meanwhile appear above it.
    """

    def __init__(self, total: int | None, stream: TextIO) -> None:
        moving = SpinnerColumn() if total is None else BarColumn(bar_width=30)
        self._progress = Progress(
            moving,
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=Console(file=stream, highlight=False, markup=False, emoji=False),
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
        )
        self._task = self._progress.add_task("", total=total)

    def update(self, done: int, text: str) -> None:
        """Show ``text`` and, where a total is known, the bar at ``done`` of it."""
        self._progress.update(self._task, completed=done, description=text)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
