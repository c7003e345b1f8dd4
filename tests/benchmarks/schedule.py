"""Scheduling: leads by one COPY against a bare insert of the rows that come of it, and one by one
against a trigger that writes as many constant rows.

``python -m tests.benchmarks.schedule [LEADS] [ROUNDS]``. The two take turns in one run on one
server; the best round of each counts. Seconds are of the wall clock, and of CPU in the server's
process, which other work on the machine does not change. Its memory is without the shared buffers.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from flowctl import database
from flowctl.cli import show
from flowctl.database import Connection
from tests.benchmarks.server import durable_database, machine, timed

STEPS = 5
ZONES = ("America/New_York", "Europe/Berlin", "Australia/Sydney", "America/Los_Angeles", "")
CONTENT = "Hello {{ first_name | default: 'there' }}, " + "this is what we wanted to say. " * 10
SINGLES = 1000
"""Leads that are inserted one by one."""

CONSTANT_ROWS = """
create or replace function constant_rows() returns trigger language plpgsql as $$
begin
  insert into message_logs
    (lead_id, flow_step_id, message_type, subject, content, scheduled_for, planned_for)
  select lead.id, step.id, 'email', 'Subject', step.content, now(), now()
  from new_leads as lead cross join flow_steps as step;
  return null;
end;
$$;
alter table leads disable trigger auto_schedule_messages;
create trigger constant_rows after insert on leads referencing new table as new_leads
for each statement execute function constant_rows();
"""
SCHEDULED_ROWS = """
drop trigger constant_rows on leads;
alter table leads enable trigger auto_schedule_messages;
"""

SAMPLING = 0.01
"""Seconds between two looks at the server's memory."""


@dataclass(slots=True)
class Cost:
    """What a statement took: seconds, seconds of the server's CPU, kilobytes it grew by."""

    seconds: float = float("nan")
    cpu: float = float("nan")
    memory: int = 0


def main(leads: int = 100_000, rounds: int = 3) -> None:
    """Measure, and say what came out."""
    rows = leads * STEPS
    with durable_database() as conninfo, database.connect(conninfo) as connection:
        _add_steps(connection)
        show.line(f"{leads} leads x {STEPS} steps, {rounds} rounds, {machine()}")
        small = _copy(connection, leads // 10)
        copies, bare = [], []
        for number in range(1, rounds + 1):
            copies.append(_copy(connection, leads))
            bare.append(_insert_bare(connection))
            show.line(
                f"round {number}: COPY of leads {_said(copies[-1], rows)}; "
                f"bare insert..select {_said(bare[-1], rows)}"
            )
        scheduled, constant = [], []
        for _ in range(rounds):
            scheduled.append(_insert_singly(connection))
            connection.execute(CONSTANT_ROWS)
            constant.append(_insert_singly(connection))
            connection.execute(SCHEDULED_ROWS)
    by_clock = min(cost.seconds for cost in bare) / min(cost.seconds for cost in copies)
    by_cpu = min(cost.cpu for cost in bare) / min(cost.cpu for cost in copies)
    show.line(f"rate of the COPY, best of each: {by_clock:.2f} of the bare insert's")
    show.line(f"by the server's CPU: {by_cpu:.2f}")
    singly, bare_singly = (min(cost.cpu for cost in one) for one in (scheduled, constant))
    show.line(
        f"one lead by one: {singly / SINGLES * 1e6:.0f} us of the server's CPU, with constant rows "
        f"{bare_singly / SINGLES * 1e6:.0f}: {bare_singly / singly:.2f}"
    )
    show.line(
        f"the server's process grew by {_megabytes(small)} for {leads // 10} leads, "
        f"by {_megabytes(*copies)} for {leads}, by {_megabytes(*bare)} for the bare insert"
    )


def _said(cost: Cost, rows: int) -> str:
    return f"{rows / cost.seconds:,.0f} messages/s, CPU {cost.cpu:.1f} s"


def _megabytes(*costs: Cost) -> str:
    return f"{max(cost.memory for cost in costs) / 1024:.1f} MB"


def _add_steps(connection: Connection) -> None:
    connection.execute(
        "insert into flow_steps (type, subject, content, day, time, time_type)"
        " select case when n %% 2 = 0 then 'email' else 'text' end, 'Subject', %s, n,"
        " '9:00 AM', case when n = 0 then 'immediately' else 'specific' end"
        " from generate_series(0, %s) as n",
        (CONTENT, STEPS - 1),
    )


def _copy(connection: Connection, leads: int) -> Cost:
    """That many leads in one COPY into an empty table."""
    lines = (
        f"Lead{number}\tlead{number}@example.com\t+1212555{number % 10_000:04}\t"
        f"{ZONES[number % len(ZONES)]}\n"
        for number in range(leads)
    )
    data = "".join(lines).encode()
    connection.execute("truncate leads cascade")
    connection.execute("checkpoint")
    with _cost(connection) as cost, connection.cursor() as cursor:
        statement = "copy leads (first_name, email, phone, timezone) from stdin"
        with cursor.copy(statement) as copy:
            copy.write(data)
    _check(connection, leads * STEPS)
    return cost


def _insert_bare(connection: Connection) -> Cost:
    """The rows that the COPY left, out of a plain table into the same empty one."""
    columns = (
        "lead_id, flow_step_id, message_type, subject, content, format, scheduled_for, planned_for"
    )
    connection.execute(f"create table rows as select {columns} from message_logs")  # noqa: S608
    connection.execute("truncate message_logs cascade")
    connection.execute("checkpoint")
    with _cost(connection) as cost:
        connection.execute(f"insert into message_logs ({columns}) select {columns} from rows")  # noqa: S608
    connection.execute("drop table rows")
    return cost


def _insert_singly(connection: Connection) -> Cost:
    """Leads with a statement each, in one transaction."""
    statement = b"insert into leads (first_name, email, timezone) values ('Ada', %s, %s)"
    with _cost(connection) as cost, connection.transaction():
        for number in range(SINGLES):
            zone = ZONES[number % len(ZONES)]
            connection.execute(statement, (f"one{number}@example.com", zone))
    return cost


def _check(connection: Connection, expected: int) -> None:
    row = connection.execute("select count(*) from message_logs").fetchone()
    if row != (expected,):
        raise SystemExit(f"scheduled {row}, expected {expected}")


@contextmanager
def _cost(connection: Connection) -> Iterator[Cost]:
    """Watch the connection's server process while the block runs."""
    pid = connection.info.backend_pid
    cost = Cost()
    memory, cpu = _private_memory(pid), _cpu(pid)
    done = Event()

    def watch() -> None:
        while not done.wait(SAMPLING):
            cost.memory = max(cost.memory, _private_memory(pid) - memory)

    thread = Thread(target=watch)
    thread.start()
    try:
        with timed() as taken:
            yield cost
    finally:
        done.set()
        thread.join()
    cost.seconds, cost.cpu = taken.seconds, _cpu(pid) - cpu


def _private_memory(pid: int) -> int:
    """Kilobytes."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(dict(line.split(":", 1) for line in status.splitlines())["RssAnon"].split()[0])


def _cpu(pid: int) -> float:
    """Seconds, in user and in system mode; of nanoseconds (the kernel's sched-stats)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1e9


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
