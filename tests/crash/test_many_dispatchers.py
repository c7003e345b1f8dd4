"""Many dispatchers at once, of both kinds, of which some are killed all the time."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tests.support.crashing import Dispatching
from tests.support.invariants import (
    add_leads,
    assert_once,
    let_leases_of_the_dead_pass,
    name_runs,
    pending,
    steps_of_both_channels,
)
from tests.support.postgres import Connection
from tests.support.providers import Providers
from tests.support.waiting import until

KINDS = (("--once",), ("--loop", "--interval=1s"), ("--once",), ("--loop", "--interval=1s"))
CONCURRENCY = 6
LEADS = 600
KILLS = 12

ENDED_WHILE_STARTING = -signal.SIGTERM
"""The exit code of a program that was told to end before a line of it was run."""


class Crew:
    """As many dispatchers as there are kinds; one that ends or is killed is replaced."""

    def __init__(self, conn: Connection, database: str, providers: Providers, folder: Path) -> None:
        self._conn = conn
        self._database = database
        self._providers = providers
        self._folder = folder
        self._numbers = count(1)
        self._stack = ExitStack()
        self.places = [self._start(place) for place in range(len(KINDS))]

    def kill(self, place: int) -> int:
        """Kill the one at a place and start another; returns how many sends were in doubt."""
        name, victim = self.places[place]
        victim.kill()
        in_doubt = let_leases_of_the_dead_pass(self._conn, name)
        self.places[place] = self._start(place)
        return in_doubt

    def replace_ended(self) -> None:
        """Start another for each that has come to its end, as cron does."""
        for place, (_, dispatching) in enumerate(self.places):
            if dispatching.exit_code is not None:
                assert dispatching.exit_code == 0, dispatching.said()
                self.places[place] = self._start(place)

    def stop(self) -> set[int]:
        """Tell all to end; their exit codes."""
        for _, dispatching in self.places:
            dispatching.signal(signal.SIGTERM)
        return {dispatching.wait() for _, dispatching in self.places}

    def close(self) -> None:
        """Kill whoever still runs."""
        self._stack.close()

    def _start(self, place: int) -> tuple[str, Dispatching]:
        name = f"dispatcher-{next(self._numbers)}"
        dispatching = Dispatching(
            *KINDS[place],
            f"--concurrency={CONCURRENCY}",
            conninfo=self._database,
            environ=self._providers.environ,
            log=self._folder / name,
            as_who=name,
        )
        return name, self._stack.enter_context(dispatching)


@pytest.fixture
def crew(conn: Connection, database: str, providers: Providers, tmp_path: Path) -> Iterator[Crew]:
    steps_of_both_channels(conn)
    name_runs(conn)
    add_leads(conn, LEADS // 2)
    crew = Crew(conn, database, providers, tmp_path)
    yield crew
    crew.close()


def test_many_dispatchers_that_die_send_everything_once(
    conn: Connection, providers: Providers, crew: Crew
) -> None:
    random = Random(5)  # noqa: S311 - whom to kill, and when
    in_doubt = 0
    for number in range(KILLS):
        if number == KILLS // 2:
            add_leads(conn, LEADS - LEADS // 2)
        enough = providers.accepted() + random.randrange(20, 2 * LEADS // KILLS)
        until(lambda: providers.accepted() >= enough or not pending(conn))  # noqa: B023
        victim_doubt = crew.kill(random.randrange(len(KINDS)))
        assert victim_doubt <= CONCURRENCY
        in_doubt += victim_doubt
        crew.replace_ended()

    def is_done() -> bool:
        crew.replace_ended()
        return not pending(conn)

    until(is_done)
    assert crew.stop() <= {0, ENDED_WHILE_STARTING}
    assert conn.execute("select from message_logs where claimed_by is not null").fetchall() == []
    assert assert_once(conn, providers) <= in_doubt
