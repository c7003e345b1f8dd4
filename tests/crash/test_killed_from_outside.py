"""The program is killed from outside at moments that nobody has chosen."""

from pathlib import Path
from random import Random

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

CONCURRENCY = 8
LEADS = 40
KILLS = 6


def test_a_program_that_is_killed_again_and_again_gets_everything_done(
    database: str, conn: Connection, providers: Providers, tmp_path: Path
) -> None:
    random = Random(3)  # noqa: S311 - when to kill
    steps_of_both_channels(conn)
    in_doubt = 0
    for _ in range(KILLS):
        add_leads(conn, LEADS)
        enough = providers.accepted() + random.randrange(1, LEADS)
        with once(database, providers, tmp_path) as dispatching:
            until(lambda: providers.accepted() >= enough)  # noqa: B023 - called at once
            dispatching.kill()
        assert_intended(conn, providers)
        assert begun(conn) <= CONCURRENCY
        in_doubt += begun(conn)
        let_leases_pass(conn)
    with once(database, providers, tmp_path) as dispatching:
        assert dispatching.wait() == 0
    assert assert_once(conn, providers) <= in_doubt


def once(database: str, providers: Providers, folder: Path) -> Dispatching:
    return Dispatching(
        "--once",
        f"--concurrency={CONCURRENCY}",
        conninfo=database,
        environ=providers.environ,
        log=folder / "log",
    )
