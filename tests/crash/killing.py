"""Dispatchers of which one is killed from outside, at a moment that nobody has chosen."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.support.crashing import Dispatching
from tests.support.invariants import add_leads, assert_intended, begun, let_leases_pass
from tests.support.postgres import Connection
from tests.support.providers import Providers
from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class Killing:
    """What they work on; ``leads`` come before each killing, and ``random`` draws its moment."""

    conn: Connection
    database: str
    providers: Providers
    folder: Path
    random: Random
    concurrency: int
    leads: int

    def once(self, *options: str) -> Dispatching:
        """A single pass, in a process of its own."""
        return Dispatching(
            "--once",
            f"--concurrency={self.concurrency}",
            *options,
            conninfo=self.database,
            environ=self.providers.environ,
            log=self.folder / "-".join(("log", *options)).replace("/", "-"),
        )

    def kill_first(self, of: Sequence[Sequence[str]]) -> int:
        """Start one with each of these options, kill the first, let the others end, and the leases
        pass; how many sends are in doubt."""
        add_leads(self.conn, self.leads)
        enough = self.providers.accepted() + self.random.randrange(1, self.leads)
        with ExitStack() as stack:
            first, *others = [stack.enter_context(self.once(*options)) for options in of]
            until(lambda: self.providers.accepted() >= enough, seconds=300)
            first.kill()
            assert [one.wait() for one in others] == [0] * len(others)
        assert_intended(self.conn, self.providers)
        in_doubt = begun(self.conn)
        assert in_doubt <= self.concurrency
        let_leases_pass(self.conn)
        return in_doubt
