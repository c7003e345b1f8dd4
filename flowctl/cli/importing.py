"""What the commands that import a file have in common: options, interrupts, rows not taken."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from flowctl.cli import show
from flowctl.cli.progress import Progress
from flowctl.cli.session import session_of
from flowctl.errors import DatabaseUnavailable, UsageError
from flowctl.leadfile.dates import Order

if TYPE_CHECKING:
    from flowctl.leadfile.rows import Problem

Result_co = TypeVar("Result_co", covariant=True)


class Importing(Protocol[Result_co]):
    """An import that is prepared: so many rows are to be read, in batches."""

    @property
    def rows(self) -> int:
        """Rows of the file."""

    def batches(self) -> Iterator[Result_co]:
        """Import one batch after the other; what was done so far."""


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


@contextmanager
def saying_what_stays(so_far: Callable[[], str | None]) -> Iterator[None]:
    """Where an import ends early, say what it has done already and how to go on."""
    try:
        yield
    except DatabaseUnavailable as error:
        if done := so_far():
            error.hint = f"{done}; import the file again for the others"
        raise
    except KeyboardInterrupt:
        if done := so_far():
            show.say(f"interrupted: {done}; import the file again for the others")
        raise


def import_batches(
    importing: Importing[Result_co], count: Callable[[Result_co], Counter[str]]
) -> None:
    """Import all batches, with their counts as progress; a first Ctrl-C waits for the end of a
    batch, a second one does not."""
    done = Counter[str]()
    with _interruptible() as stop, Progress(total=importing.rows) as progress:
        for result in importing.batches():
            now = count(result)
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
