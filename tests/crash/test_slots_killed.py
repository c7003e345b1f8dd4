"""Dispatchers with slots are killed, others take their slots over, and their number changes."""

import os
from pathlib import Path
from random import Random

from tests.crash.killing import Killing
from tests.support.distributed import TEST_CITUS_URL
from tests.support.invariants import assert_once, steps_of_both_channels
from tests.support.postgres import Connection
from tests.support.providers import Providers

SLOTS = (10, 7, 10) if TEST_CITUS_URL in os.environ else (3, 2, 3)
"""How many there are, from one run to the next."""


def test_slots_that_are_killed_and_taken_over_get_everything_done(
    database: str, conn: Connection, providers: Providers, tmp_path: Path
) -> None:
    random = Random(5)  # noqa: S311 - when to kill
    killing = Killing(conn, database, providers, tmp_path, random, concurrency=4, leads=30)
    steps_of_both_channels(conn)
    in_doubt = 0
    for slots in SLOTS:
        of = [[f"--slot={number}/{slots}"] for number in range(1, slots + 1)]
        in_doubt += killing.kill_first(of)
        # the slot of the one that was killed, taken over
        with killing.once(f"--slot=1/{slots}") as other:
            assert other.wait() == 0
    assert conn.execute("select from message_logs where status = 'pending'").fetchone() is None
    assert assert_once(conn, providers) <= in_doubt
