"""What the commands that import a file have in common: options, interrupts, rows not taken."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from flowctl.cli import show
from flowctl.cli.progress import Progress
from flowctl.cli.session import session_of
from flowctl.errors import DatabaseUnavailable, NeedsAttention, UsageError
from flowctl.leadfile.dates import Order
from flowctl.text import plural

if TYPE_CHECKING:
    from flowctl.database import Connection
    from flowctl.leadfile.rows import Problem


class Importing(Protocol):
    """An import that is prepared: so many rows are to be read, in batches."""

    @property
    def rows(self) -> int:
        """Rows of the file."""

    def batches(self) -> Iterator[object]:
        """Import one batch after the other."""


_Prepared = TypeVar("_Prepared", bound=Importing)

Dates = Annotated[
    Order | None,
    typer.Option("--dates", help="The order of day, month and year in dates.", show_default=False),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        metavar="E",
        help="How FILE was saved, if not UTF-8 or -16.",
        show_default=False,
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="CC",
        help="The country of national phone numbers.",
        show_default=False,
    ),
]


def region_of(ctx: typer.Context, region: str | None) -> str | None:
    """The country of ``--region``, else the one of the settings. Raises UsageError."""
    if region is None:
        return session_of(ctx).settings.default_region
    from flowctl.address import is_region

    if not is_region(region.upper()):
        raise UsageError(
            f"--region: '{region}' is not a country", hint="give an ISO 3166 code such as US or DE"
        )
    return region.upper()


def import_file(
    connected: AbstractContextManager["Connection"],
    prepare: Callable[["Connection"], _Prepared],
    count: Callable[[_Prepared], Counter[str]],
    so_far: Callable[[_Prepared], str | None],
) -> _Prepared:
    """Prepare an import and import all batches, with their counts as progress.

    A first Ctrl-C waits for the end of a batch, a second one does not. Where it ends early,
    ``so_far`` is what it has done already and what stays.
    """
    importing: _Prepared | None = None
    try:
        with connected as connection:
            importing = prepare(connection)
            _import_batches(importing, count)
    except (DatabaseUnavailable, KeyboardInterrupt) as end:
        done = None if importing is None else so_far(importing)
        if done is not None and isinstance(end, DatabaseUnavailable):
            end.hint = f"{done}; import the file again for the others"
        elif done is not None:
            show.say(f"interrupted: {done}; import the file again for the others")
        raise
    return importing


def _import_batches(importing: _Prepared, count: Callable[[_Prepared], Counter[str]]) -> None:
    done = Counter[str]()
    with _interruptible() as stop, Progress(total=importing.rows) as progress:
        for _ in importing.batches():
            now = count(importing)
            progress.advance(now - done)
            done = now
            if stop.is_set():
                raise KeyboardInterrupt


@contextmanager
def _interruptible() -> Iterator[Event]:
    """An event that the first Ctrl-C sets; the second one interrupts as ever."""
    stop = Event()

    def interrupt(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def say_rows(rows: "Sequence[Problem]", total: int, word: str) -> None:
    """Say which rows were not taken, the first few of them."""
    for row in rows:
        show.say(f"line {row.line} {word}: {row.reason}")
    if total > len(rows):
        show.say(f"... and {total - len(rows)} more {word}")


def attend_to_rejected(rows: int, name: str, hint: str) -> None:
    """Raise NeedsAttention where rows of the file of that name were rejected."""
    if rows:
        verb = "was" if rows == 1 else "were"
        raise NeedsAttention(f"{plural(rows, 'row')} of {name} {verb} rejected", hint=hint)
