"""``leads import`` of a file against a bare COPY of the same rows into the same table.

``python -m tests.benchmarks.leads_import [LEADS] [STEPS] [ROUNDS]``. Both schedule by the same
trigger; the command is run as a user runs it, start included. The best round of each counts.
"""

import csv
import os
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from psycopg import sql

from flowctl import database
from flowctl.cli import show
from flowctl.database import Connection
from tests.benchmarks.server import durable_database, fast_folder, machine, timed

ZONES = ("America/New_York", "Europe/Berlin", "Australia/Sydney", "America/Los_Angeles", "")
COLUMNS = (
    "first_name", "last_name", "email", "phone", "timezone", "source", "status", "company",
    "city", "score", "vip", "created_at",
)  # fmt: skip
CONTENT = "Hello {{ first_name | default: 'there' }}, " + "this is what we wanted to say. " * 10


def main(leads: int = 100_000, steps: int = 5, rounds: int = 3) -> None:
    """Measure, and say what came out."""
    show.line(f"{leads} leads of {len(COLUMNS)} columns, {steps} steps, {machine()}")
    with durable_database() as conninfo, database.connect(conninfo) as connection:
        _prepare(connection, steps)
        with fast_folder() as folder:
            file = folder / "leads.csv"
            _write(file, leads)
            imports, copies = [], []
            for number in range(1, rounds + 1):
                copies.append(_copy(connection, file))
                _check(connection, leads, steps)
                imports.append(_import(connection, conninfo, file))
                _check(connection, leads, steps)
                show.line(f"round {number}: COPY {copies[-1]:.1f} s, import {imports[-1]:.1f} s")
    show.line(f"rate of the import, best of each: {min(copies) / min(imports):.2f} of the COPY's")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    show.line(f"the largest process that was started used {peak / 1024:.0f} MB")


def _prepare(connection: Connection, steps: int) -> None:
    connection.execute(
        "alter table leads add company text, add city text, add score integer, add vip boolean"
    )
    connection.execute(
        "insert into flow_steps (type, subject, content, day, time, time_type)"
        " select case when n %% 2 = 0 then 'email' else 'text' end, 'Subject', %s, n,"
        " '9:00 AM', 'specific' from generate_series(1, %s) as n",
        (CONTENT, steps),
    )


def _write(file: Path, leads: int) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        writer.writerows(
            (
                f"First{n}", f"Last{n}", f"lead{n}@example.com", f"+1212{5_000_000 + n}",
                ZONES[n % len(ZONES)], "spring fair", "new", f"Company {n}, Inc.", "Springfield",
                n % 100, "true", "2099-03-02 15:04:05+00:00",
            )
            for n in range(leads)
        )  # fmt: skip


def _copy(connection: Connection, file: Path) -> float:
    """Seconds of a COPY of the file into an empty table."""
    _empty(connection)
    names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    statement = sql.SQL("copy leads ({}) from stdin (format csv, header)").format(names)
    with timed() as taken, connection.cursor().copy(statement) as copy:
        copy.write(file.read_bytes())
    return taken.seconds


def _import(connection: Connection, conninfo: str, file: Path) -> float:
    """Seconds of the command from its start to its end."""
    _empty(connection)
    command = [sys.executable, "-m", "flowctl", "leads", "import", str(file), "--json"]
    begin = perf_counter()
    subprocess.run(
        command, env={**os.environ, "DATABASE_URL": conninfo}, check=True, stdout=subprocess.DEVNULL
    )
    return perf_counter() - begin


def _empty(connection: Connection) -> None:
    connection.execute("truncate leads cascade")
    connection.execute("checkpoint")


def _check(connection: Connection, leads: int, steps: int) -> None:
    row = connection.execute(
        "select (select count(*) from leads), (select count(*) from message_logs)"
    ).fetchone()
    if row != (leads, leads * steps):
        raise SystemExit(f"leads and messages are {row}, expected {(leads, leads * steps)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
