"""The server and the clocks of the benchmarks."""

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from flowctl import database, migrate
from flowctl.embedded import EmbeddedServer
from tests.support.postgres import MEMORY


@dataclass(slots=True)
class Taken:
    """Seconds that a block took; null while it runs."""

    seconds: float = float("nan")


@contextmanager
def timed() -> Iterator[Taken]:
    """Time the block by the wall clock."""
    taken = Taken()
    begin = perf_counter()
    yield taken
    taken.seconds = perf_counter() - begin


@contextmanager
def durable_database(place: Path | None = None) -> Iterator[str]:
    """The conninfo of an embedded database as users have it: on disk, fsync on, with the schema.

    It is made in ``place``, else where temporary files are.
    """
    folder = Path(tempfile.mkdtemp(prefix="fc-bench-", dir=place))
    folder.chmod(0o711)  # for root the server runs as another user
    try:
        with EmbeddedServer(folder / "data", environ=os.environ).attach(create=True) as conninfo:
            with database.connect(conninfo) as connection:
                migrate.apply(connection)
            yield conninfo
    finally:
        shutil.rmtree(folder)


@contextmanager
def fast_folder() -> Iterator[Path]:
    """An empty folder in memory where there is some: what is measured is not the file system."""
    folder = Path(tempfile.mkdtemp(prefix="fc-bench-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def user_environ() -> dict[str, str]:
    """The environment in which users run a program: its modules are compiled once."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def children_cpu() -> float:
    """Seconds of CPU that all children used so far which have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def machine() -> str:
    """What a figure cannot be read without: how many CPUs, and how busy they are."""
    return f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
