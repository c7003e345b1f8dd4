"""Scheduling in bulk: leads by one COPY against a bare insert of the rows that come of it.

``python -m tests.benchmarks.schedule [LEADS] [ROUNDS]``. The two take turns in one run on one
server; the best round of each counts. The server's memory is its own, without the shared buffers.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from flowctl import database
from flowctl.cli import show
from flowctl.database import Connection
from tests.benchmarks.server import durable_database, machine, timed

STEPS = 5
ZONES = ("America/New_York", "Europe/Berlin", "Australia/Sydney", "America/Los_Angeles", "")
CONTENT = "Hello {{ first_name | default: 'there' }}, " + "this is what we wanted to say. " * 10
SAMPLING = 0.01
"""Seconds between two looks at the server's memory."""


def main(leads: int = 100_000, rounds: int = 3) -> None:
    """Measure, and say what came out."""
    with durable_database() as conninfo, database.connect(conninfo) as connection:
        _add_steps(connection)
        show.line(f"{leads} leads x {STEPS} steps, {rounds} rounds, {machine()}")
        small, _ = _copy(connection, leads // 10)
        copies, bare = [], []
        peak = peak_bare = 0
        for number in range(1, rounds + 1):
            grown, seconds = _copy(connection, leads)
            peak = max(peak, grown)
            copies.append(leads * STEPS / seconds)
            grown, seconds = _insert_bare(connection)
            peak_bare = max(peak_bare, grown)
            bare.append(leads * STEPS / seconds)
            show.line(
                f"round {number}: COPY of leads {copies[-1]:,.0f} messages/s, "
                f"bare insert..select {bare[-1]:,.0f} rows/s"
            )
    show.line(f"best: {max(copies):,.0f} against {max(bare):,.0f}: {max(copies) / max(bare):.2f}")
    show.line(
        f"memory of the backend grew by {small / 1024:.1f} MB for {leads // 10} leads, "
        f"{peak / 1024:.1f} MB for {leads}, {peak_bare / 1024:.1f} MB for the bare insert"
    )


def _add_steps(connection: Connection) -> None:
    connection.execute(
        "insert into flow_steps (type, subject, content, day, time, time_type)"
        " select case when n %% 2 = 0 then 'email' else 'text' end, 'Subject', %s, n,"
        " '9:00 AM', case when n = 0 then 'immediately' else 'specific' end"
        " from generate_series(0, %s) as n",
        (CONTENT, STEPS - 1),
    )


def _copy(connection: Connection, leads: int) -> tuple[int, float]:
    """Kilobytes that the backend grew by, and seconds, for that many leads in one COPY."""
    lines = (
        f"Lead{number}\tlead{number}@example.com\t+1212555{number % 10_000:04}\t"
        f"{ZONES[number % len(ZONES)]}\n"
        for number in range(leads)
    )
    data = "".join(lines).encode()
    connection.execute("truncate leads cascade")
    connection.execute("checkpoint")
    with _memory(connection) as memory, timed() as taken, connection.cursor() as cursor:
        statement = "copy leads (first_name, email, phone, timezone) from stdin"
        with cursor.copy(statement) as copy:
            copy.write(data)
    _check(connection, leads * STEPS)
    return memory.grown, taken.seconds


def _insert_bare(connection: Connection) -> tuple[int, float]:
    """The same for the rows that the COPY left, out of a plain table into the same empty one."""
    columns = "lead_id, flow_step_id, message_type, subject, content, scheduled_for"
    connection.execute(f"create table rows as select {columns} from message_logs")  # noqa: S608
    connection.execute("truncate message_logs")
    connection.execute("checkpoint")
    with _memory(connection) as memory, timed() as taken:
        connection.execute(f"insert into message_logs ({columns}) select {columns} from rows")  # noqa: S608
    connection.execute("drop table rows")
    return memory.grown, taken.seconds


def _check(connection: Connection, expected: int) -> None:
    row = connection.execute("select count(*) from message_logs").fetchone()
    if row != (expected,):
        raise SystemExit(f"scheduled {row}, expected {expected}")


class _Memory:
    """The private memory of a process, in kilobytes."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._before = self._now()
        self.grown = 0

    def look(self) -> None:
        """Keep the most that it has grown by so far."""
        self.grown = max(self.grown, self._now() - self._before)

    def _now(self) -> int:
        fields = dict(line.split(":", 1) for line in self._status.read_text("ascii").splitlines())
        return int(fields["RssAnon"].split()[0])


@contextmanager
def _memory(connection: Connection) -> Iterator[_Memory]:
    """Watch the connection's backend while the block runs."""
    memory = _Memory(connection.info.backend_pid)
    done = Event()

    def watch() -> None:
        while not done.wait(SAMPLING):
            memory.look()

    thread = Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
