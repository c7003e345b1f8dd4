"""Programs to measure side by side: this checkout's, and an older one's from git.

The older one is any Python that has it installed::

    git worktree add /tmp/older 64ea29b
    python3 -m venv /tmp/older/.venv && /tmp/older/.venv/bin/pip install /tmp/older
    python -m tests.benchmarks.mails --older /tmp/older/.venv/bin/python
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from psycopg.conninfo import make_conninfo

from flowctl import database
from flowctl.database import Connection
from tests.benchmarks.server import children_cpu, durable_database, timed, user_environ


@dataclass(frozen=True, slots=True)
class Pace:
    """What a run did: messages a second, and the program's own CPU in microseconds for each."""

    rate: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Build:
    """A program with a database of its own, which has the program's schema."""

    name: str
    python: str
    conninfo: str
    connection: Connection

    def dispatch(self, *options: str, environ: Mapping[str, str], messages: int) -> Pace:
        """Run ``dispatch --once`` from its start to its exit; it must send that many messages."""
        before = children_cpu()
        with timed() as taken:
            ran = self.run("dispatch", "--once", "--json", *options, environ=environ)
        sent = json.loads(ran)["sent"]
        if sent != messages:
            raise SystemExit(f"{self.name} sent {sent} of {messages}")
        return Pace(messages / taken.seconds, (children_cpu() - before) / messages * 1e6)

    def script(self, program: str, *arguments: str) -> float:
        """Run lines of Python with the program's modules and return the number they print."""
        done = subprocess.run(
            [self.python, "-c", program, *arguments],
            env={**user_environ(), "DATABASE_URL": self.conninfo},
            cwd="/",
            stdout=subprocess.PIPE,
            check=True,
        )
        return float(done.stdout)

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """Run a command and return what it printed."""
        done = subprocess.run(
            [self.python, "-m", "flowctl", *arguments],
            env={**user_environ(), **(environ or {}), "DATABASE_URL": self.conninfo},
            cwd="/",
            stdout=subprocess.PIPE,
            check=True,
        )
        return done.stdout.decode()


def arguments(description: str, *, messages: int, rounds: int = 3) -> argparse.ArgumentParser:
    """The options that all of these programs have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--messages", type=int, default=messages)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--older", metavar="PYTHON", help="one that has an older build installed")
    parser.add_argument("--json", action="store_true", help="one document instead of lines")
    return parser


@contextmanager
def builds(older: str | None) -> Iterator[list[Build]]:
    """This build and the older one, if given, on one durable server."""
    pythons = {"this build": sys.executable} | ({"older build": older} if older else {})
    with durable_database() as conninfo, ExitStack() as stack:
        made = []
        with database.connect(conninfo) as connection:
            for number, (name, python) in enumerate(pythons.items()):
                connection.execute(f"create database build_{number}".encode())
                own = make_conninfo(conninfo, dbname=f"build_{number}")
                build = Build(name, python, own, stack.enter_context(database.connect(own)))
                build.run("apply-schema")
                made.append(build)
        yield made


def add_step(connection: Connection, channel: str) -> None:
    """One step, due at once, whose content is what most are: a name with a default, and words."""
    connection.execute(
        "insert into flow_steps (type, subject, content, time_type)"
        " values (%s, 'Welcome, {{ first_name }}', %s, 'immediately')",
        (channel, "Hello {{ first_name | default: 'there' }},\n\nthank you for that.\n" * 3),
    )


def make_due(connection: Connection, leads: int) -> None:
    """That many leads and no others, their messages due, the table as autovacuum keeps it."""
    connection.execute("truncate leads cascade")
    connection.execute(
        "insert into leads (first_name, email, phone, created_at)"
        " select 'Lead' || n, 'lead' || n || '@example.com', '+1212' || 2000000 + n, now()"
        " from generate_series(1, %s) as n",
        (leads,),
    )
    connection.execute("vacuum analyze message_logs")
    connection.execute("checkpoint")


def best(paces: Sequence[Pace]) -> Pace:
    """The best rate and the least CPU: what the program can do, whatever else the machine did."""
    return Pace(max(pace.rate for pace in paces), min(pace.cpu for pace in paces))
