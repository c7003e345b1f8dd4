"""The PostgreSQL server is killed and restarted under running programs."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crashing import Dispatching
from tests.support.invariants import (
    add_leads,
    assert_once,
    let_claims_pass,
    let_leases_pass,
    pending,
    steps_of_both_channels,
)
from tests.support.own_server import OwnServer, own_server
from tests.support.providers import Providers
from tests.support.waiting import until

CONCURRENCY = 5
LEADS = 60
SENT_BEFORE = 15
"""So many are accepted before the server goes away: it does so in the middle of the work."""


@pytest.fixture
def server(cluster: Path) -> Iterator[OwnServer]:
    """A server that the test may kill, with steps of both channels and leads that are due."""
    with own_server(cluster) as own:
        with own.connect() as conn:
            steps_of_both_channels(conn)
            add_leads(conn, LEADS)
        yield own


def dispatching(server: OwnServer, providers: Providers, log: Path, *options: str) -> Dispatching:
    return Dispatching(
        *options,
        f"--concurrency={CONCURRENCY}",
        conninfo=server.url,
        environ=providers.environ,
        log=log,
    )


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_loops_survive_a_server_that_goes_away_and_lose_no_outcome(
    server: OwnServer, providers: Providers, tmp_path: Path, way: str
) -> None:
    enough = providers.accepted() + SENT_BEFORE
    with (
        dispatching(server, providers, tmp_path / "1", "--loop", "--interval=1s") as first,
        dispatching(server, providers, tmp_path / "2", "--loop", "--interval=1s") as second,
    ):
        with server.connect() as conn:
            # one that finds no database at its start ends with 4
            started = "select count(*) from flowctl.runs"
            until(lambda: conn.execute(started).fetchone() == (2,))
        until(lambda: providers.accepted() >= enough)
        server.kill() if way == "kill" else server.stop()
        until(lambda: "waiting for it" in first.said() + second.said())
        server.start()
        with server.connect() as conn:
            let_claims_pass(conn)
            until(lambda: not pending(conn))
        for program in (first, second):
            program.signal(signal.SIGTERM)
        assert [first.wait(), second.wait()] == [0, 0]
    with server.connect() as conn:
        assert assert_once(conn, providers) == 0


def test_single_passes_write_what_they_know_or_exit_with_4(
    server: OwnServer, providers: Providers, tmp_path: Path
) -> None:
    enough = providers.accepted() + SENT_BEFORE
    with dispatching(server, providers, tmp_path / "1", "--once") as program:
        until(lambda: providers.accepted() >= enough)
        server.kill()
        with dispatching(server, providers, tmp_path / "2", "--once") as late:
            assert late.wait() == 4
            assert late.said().startswith("error: cannot connect to the database")
        server.start()
        assert program.wait() in {0, 4}, program.said()
    with server.connect() as conn:
        assert conn.execute("select from flowctl.sends").fetchall() == []
        let_leases_pass(conn)
        with dispatching(server, providers, tmp_path / "3", "--once") as program:
            assert program.wait() == 0
        assert assert_once(conn, providers) == 0


def test_dispatchers_and_their_server_are_killed_together(
    server: OwnServer, providers: Providers, tmp_path: Path
) -> None:
    enough = providers.accepted() + SENT_BEFORE
    with dispatching(server, providers, tmp_path / "1", "--once") as program:
        until(lambda: providers.accepted() >= enough)
        server.kill()
        program.kill()
    server.start()
    with server.connect() as conn:
        let_leases_pass(conn)
        with dispatching(server, providers, tmp_path / "2", "--once") as program:
            assert program.wait() == 0
        assert assert_once(conn, providers) <= CONCURRENCY
