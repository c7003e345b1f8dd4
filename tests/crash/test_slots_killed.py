"""Dispatchers with slots are killed, others take their slots over, and their number changes."""

import os
from contextlib import ExitStack
from pathlib import Path
from random import Random

from tests.support.citus import TEST_CITUS_URL
from tests.support.crashing import Dispatching
from tests.support.invariants import (
    add_leads,
    assert_intended,
    assert_once,
    begun,
    let_leases_pass,
    steps_of_both_channels,
)
from tests.support.postgres import Connection
from tests.support.providers import Providers
from tests.support.waiting import until

CONCURRENCY = 4
LEADS = 30
SLOTS = (10, 7, 10) if TEST_CITUS_URL in os.environ else (3, 2, 3)
"""How many there are, from one run to the next."""


def test_slots_that_are_killed_and_taken_over_get_everything_done(
    database: str, conn: Connection, providers: Providers, tmp_path: Path
) -> None:
    random = Random(5)  # noqa: S311 - when to kill
    steps_of_both_channels(conn)
    in_doubt = 0
    for slots in SLOTS:
        add_leads(conn, LEADS)
        enough = providers.accepted() + random.randrange(1, LEADS)
        with ExitStack() as stack:
            running = [
                stack.enter_context(once(database, providers, tmp_path, number, slots))
                for number in range(1, slots + 1)
            ]
            until(lambda: providers.accepted() >= enough, seconds=300)  # noqa: B023 - called at once
            running[0].kill()
            assert [one.wait() for one in running[1:]] == [0] * (slots - 1)
        assert_intended(conn, providers)
        in_doubt += begun(conn)
        assert begun(conn) <= CONCURRENCY
        let_leases_pass(conn)
        # the slot of the one that was killed, taken over
        with once(database, providers, tmp_path, 1, slots) as other:
            assert other.wait() == 0
    assert conn.execute("select from message_logs where status = 'pending'").fetchone() is None
    assert assert_once(conn, providers) <= in_doubt


def once(database: str, providers: Providers, folder: Path, number: int, slots: int) -> Dispatching:
    return Dispatching(
        "--once",
        f"--slot={number}/{slots}",
        f"--concurrency={CONCURRENCY}",
        conninfo=database,
        environ=providers.environ,
        log=folder / f"log-{number}",
    )
