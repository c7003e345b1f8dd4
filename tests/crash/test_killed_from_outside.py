"""The program is killed from outside at moments that nobody has chosen."""

from pathlib import Path
from random import Random

from tests.crash.killing import Killing
from tests.support.invariants import assert_once, steps_of_both_channels
from tests.support.postgres import Connection
from tests.support.providers import Providers

KILLS = 6


def test_a_program_that_is_killed_again_and_again_gets_everything_done(
    database: str, conn: Connection, providers: Providers, tmp_path: Path
) -> None:
    random = Random(3)  # noqa: S311 - when to kill
    killing = Killing(conn, database, providers, tmp_path, random, concurrency=8, leads=40)
    steps_of_both_channels(conn)
    in_doubt = sum(killing.kill_first([()]) for _ in range(KILLS))
    with killing.once() as dispatching:
        assert dispatching.wait() == 0
    assert assert_once(conn, providers) <= in_doubt
