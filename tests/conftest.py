"""A server per session, a database per test, and an environment that says nothing."""

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, settings

from flowctl import migrate
from tests.support.cases import WHOLE, are_drawn, drawn, is_whole
from tests.support.citus import Cluster, distribute
from tests.support.cli import Environ, Ran, RunFlowctl, run_flowctl
from tests.support.distributed import TEST_CITUS_URL
from tests.support.embedded import Client
from tests.support.examples import LONG, examples
from tests.support.pooler import name_in, pooler, url_through
from tests.support.postgres import Connection, Postgres, connect, end_server, short_folder
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_server import TwilioServer

# Neither a slow machine nor a slow example is a failure.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)

KEPT = "FLOWCTL_PG_BIN"
"""Which PostgreSQL the tests run on."""

THROUGH_POOLER = "TEST_POOLER"
"""Set, it puts a pooler in transaction mode between the program and its database."""

SCRUBBED = ("DATABASE_URL", "PG", "TWILIO_", "SMTP_", "EMAIL_", "FLOWCTL_")
"""How the names of variables begin that configure the product or libpq."""

SCRUBBED_DISPLAY = ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERMINAL_WIDTH", "TTY_COMPATIBLE")
"""What would change how output looks."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of these tests."""
    parser.addoption("--long", action="store_true", help="every case, many more random examples")


def pytest_configure(config: pytest.Config) -> None:
    """Take away, before the first test, whatever the machine configures; say how long to try."""
    if config.getoption("--long"):
        os.environ[LONG] = "1"
    if is_whole(config):
        os.environ[WHOLE] = "1"
    name = "ci" if os.environ.get("CI") else "local"
    settings.register_profile("chosen", settings.get_profile(name), max_examples=examples(100))
    settings.load_profile("chosen")
    for name in list(os.environ):
        if name != KEPT and (name.startswith(SCRUBBED) or name in SCRUBBED_DISPLAY):
            del os.environ[name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the everyday run does not try today."""
    if are_drawn():
        seed = config.getoption("randomly_seed", default=None)
        tried = drawn((item.nodeid for item in items), seed)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in tried])
        items[:] = [item for item in items if item.nodeid in tried]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say that cases were left out, and how to draw the same again."""
    if are_drawn():
        seed = config.getoption("randomly_seed", default=None)
        terminalreporter.write_line(
            f"a fifth of the cases: --randomly-seed={seed} draws the same, --long tries all"
        )


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """Where the servers of this test process live."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def folder_numbers() -> Iterator[int]:
    """Names for the data folders of tests: short, since a socket's path is."""
    return count(1)


@pytest.fixture(autouse=True)
def data_dir(
    session_folder: Path, folder_numbers: Iterator[int], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The test's own data folder for an embedded server, which does not exist yet.

    Every test has it in its environment, so that none finds the one of the user who runs it.
    """
    folder = session_folder / str(next(folder_numbers))
    monkeypatch.setenv("FLOWCTL_DATA_DIR", str(folder))
    yield folder
    end_server(folder)


@pytest.fixture(scope="session")
def postgres(session_folder: Path) -> Iterator[Postgres | Cluster]:
    """The server of this test process, or the cluster that is named, whose template has the
    product's schema."""
    if TEST_CITUS_URL in os.environ:
        with Cluster(os.environ[TEST_CITUS_URL]).running(distribute) as cluster:
            yield cluster
        return
    with Postgres(session_folder / "pg", migrate.apply, os.environ).running() as server:
        yield server


@pytest.fixture(scope="session")
def pooled(postgres: Postgres, session_folder: Path) -> Iterator[Path]:
    """A pooler in transaction mode before the test server."""
    if TEST_CITUS_URL in os.environ:
        pytest.skip("a pooler was put before one server only")
    with pooler(postgres, session_folder / "pgb") as folder:
        yield folder


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of a database with the product's schema, for this test alone."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def empty_database(postgres: Postgres) -> Iterator[str]:
    """The URL of a database without anything in it, for this test alone."""
    with postgres.database(template="template0") as url:
        yield url


@pytest.fixture
def conn(database: str, postgres: Postgres) -> Iterator[Connection]:
    """An autocommit connection to the test's database, the owner's; rows are plain tuples."""
    with connect(postgres.url(name_in(database))) as connection:
        yield connection


@pytest.fixture
def flowctl(request: pytest.FixtureRequest, database: str) -> RunFlowctl:
    """``run_flowctl`` with ``DATABASE_URL`` naming the test's database."""
    url = database
    if THROUGH_POOLER in os.environ:
        url = url_through(request.getfixturevalue("pooled"), database)

    def run(
        *args: str | Path,
        env: Environ | None = None,
        input: str | None = None,  # noqa: A002 - as in run_flowctl
        cwd: Path | None = None,
    ) -> Ran:
        changes = {"DATABASE_URL": url, **(env or {})}
        return run_flowctl(*args, env=changes, input=input, cwd=cwd)

    return run


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    """A Twilio for this test alone."""
    with TwilioServer() as server:
        yield server


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    """A submission server for this test alone."""
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority for certificates of servers."""
    return trustme.CA()


@pytest.fixture(scope="session")
def made_cluster(session_folder: Path) -> Iterator[Path]:
    """A data folder whose cluster was made once, with the table ``kept`` in it."""
    folder = session_folder / "made"
    with Client(folder, create=True) as client:
        client.conninfo()
        client.sql("create table kept (n int)")
    yield folder
    end_server(folder)


@pytest.fixture
def cluster(made_cluster: Path, data_dir: Path) -> Path:
    """A data folder with a cluster, whose server is down."""
    shutil.copytree(made_cluster, data_dir)
    for folder, _, names in os.walk(made_cluster):
        for path in [Path(folder), *(Path(folder, name) for name in names)]:
            owner = path.stat()
            os.chown(data_dir / path.relative_to(made_cluster), owner.st_uid, owner.st_gid)
    return data_dir
