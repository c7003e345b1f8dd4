"""One, two and ten dispatchers on one database, into outboxes in memory.

``python -m tests.benchmarks.many [--dispatchers 1 2 10] [--messages N] [--rounds N]``. Loops that
all run when their flow is resumed, and share its backlog: messages a second from the first to the
last that was sent, how unlike their shares are (the largest by the smallest), and the deadlocks
that the server broke. The best round counts.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from flowctl.cli import show
from tests.benchmarks.builds import Build, add_step, arguments, builds, make_due
from tests.benchmarks.server import fast_folder, machine, user_environ
from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class Together:
    """What several dispatchers did."""

    messages_per_second: float
    unlike: float
    deadlocks: int


def main() -> None:
    """Measure, and say what came out."""
    parser = arguments("Several dispatchers on one database.", messages=50_000, rounds=2)
    parser.add_argument("--dispatchers", type=int, nargs="+", default=[1, 2, 10])
    given = parser.parse_args()
    best: dict[int, Together] = {}
    with builds(None) as (build,):
        add_step(build.connection, "email")
        for count in given.dispatchers:
            found = [_run(build, count, given.messages) for _ in range(given.rounds)]
            best[count] = max(found, key=lambda one: one.messages_per_second)
    if given.json:
        plain = {count: asdict(one) for count, one in best.items()}
        show.line(json.dumps({"messages": given.messages, "machine": machine(), **plain}))
        return
    show.line(f"{given.messages} messages, {machine()}")
    for count, one in best.items():
        show.line(
            f"{count} at once: {one.messages_per_second:,.0f}/s, shares unlike by "
            f"{one.unlike:.2f}, {one.deadlocks} deadlocks"
        )


def _run(build: Build, count: int, messages: int) -> Together:
    make_due(build.connection, messages)
    before = _number(build, DEADLOCKS)
    build.connection.execute("update flows set paused_at = now()")
    with fast_folder() as folder, _loops(build, count, folder):
        build.connection.execute("update flows set paused_at = null")
        until(lambda: _number(build, PENDING) == 0)
        shares = [len(list((folder / str(number)).iterdir())) for number in range(count)]
    return Together(
        messages / _number(build, SECONDS),
        max(shares) / max(1, min(shares)),
        round(_number(build, DEADLOCKS) - before),
    )


@contextmanager
def _loops(build: Build, count: int, folder: Path) -> Iterator[None]:
    """That many loops, all of them running."""
    before = _number(build, CONNECTIONS)
    environ = {**user_environ(), "DATABASE_URL": build.conninfo, "EMAIL_FROM": "us@example.com"}
    command = [build.python, "-m", "flowctl", "dispatch", "--loop", "--outbox"]
    processes = [
        subprocess.Popen(
            [*command, os.fspath(folder / str(number))],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(count)
    ]
    try:
        until(lambda: _number(build, CONNECTIONS) >= before + count)
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait()


PENDING = "select count(*) from message_logs where status = 'pending'"
CONNECTIONS = "select count(*) from pg_stat_activity where datname = current_database()"
SECONDS = "select extract(epoch from max(sent_at) - min(sent_at)) from message_logs"
DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"


def _number(build: Build, statement: str) -> float:
    row = build.connection.execute(statement.encode()).fetchone()
    assert row is not None
    return float(str(row[0]))


if __name__ == "__main__":
    main()
