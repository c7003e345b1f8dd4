"""Dispatch of a backlog into an outbox, against what the database and the file system can do.

``python -m tests.benchmarks.dispatch [MESSAGES] [ROUNDS]``. One process, the installed program,
from its start to its exit. Beside it, in each round: the same rows claimed and completed by bare
SQL in batches of the same sizes, and as many files written as the outbox writes them. The best
round of each counts.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from flowctl import database
from flowctl.cli import show
from flowctl.cli.dispatch import OUTBOX_CONCURRENCY
from flowctl.database import Connection
from flowctl.dispatch.options import LARGEST_CLAIM
from tests.benchmarks.server import children_cpu, durable_database, fast_folder, machine, timed

PLAIN = {"min_gap": None, "dedupe_address": False}
GUARDED = {"min_gap": "4 hours", "dedupe_address": True}
"""What makes dispatchers agree with each other about each message."""

CLAIM = """
with due as materialized (
  select id from message_logs
  where status = 'pending' and message_type = %s and due_at <= now() and claimed_by is null
  order by due_at, id limit %s
  for update skip locked
)
update message_logs as message
set claimed_by = gen_random_uuid(), lease_until = now() + interval '2 minutes'
from due where message.id = due.id
returning message.id
"""
COMPLETE = """
update message_logs as message
set status = 'sent', sent_at = now(), claimed_by = null, lease_until = null
from unnest(%s::uuid[]) as done (id) where message.id = done.id
"""


def main(messages: int = 20_000, rounds: int = 3) -> None:
    """Measure, and say what came out."""
    best: dict[str, float] = {}
    cpu: list[float] = []
    with durable_database() as conninfo, database.connect(conninfo) as connection:
        _add_steps(connection)
        show.line(f"{messages} messages, half of them emails, {rounds} rounds, {machine()}")
        for number in range(1, rounds + 1):
            before = children_cpu()
            plain = _dispatch(connection, conninfo, messages, PLAIN)
            cpu.append(children_cpu() - before)
            rates = {
                "dispatch": plain,
                "dispatch, min_gap and dedupe": _dispatch(connection, conninfo, messages, GUARDED),
                "claim and complete in SQL": _sql(connection, messages),
                "plain files": _files(messages),
            }
            for name, rate in rates.items():
                best[name] = max(best.get(name, 0), rate)
            said = ", ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items())
            show.line(f"round {number}: {said}")
    for name, rate in best.items():
        show.line(f"best: {name} {rate:,.0f}/s; dispatch is {best['dispatch'] / rate:.2f} of it")
    show.line(f"CPU of the program: {min(cpu) / messages * 1e6:.0f} microseconds a message")


def _add_steps(connection: Connection) -> None:
    """An email and a text, at once."""
    connection.execute(
        "insert into flow_steps (type, subject, content, time_type)"
        " select type, 'Welcome, {{ first_name }}', %s, 'immediately'"
        " from unnest(array['email', 'text']) as type",
        ("Hello {{ first_name | default: 'there' }},\n\nthank you for your interest.\n" * 3,),
    )


def _make_due(connection: Connection, messages: int) -> None:
    # what was sent to an address is remembered when its lead is gone
    connection.execute("truncate leads, flowctl.sent_addresses cascade")
    connection.execute(
        "insert into leads (first_name, email, phone, created_at)"
        " select 'Lead' || n, 'lead' || n || '@example.com', '+1212' || 2000000 + n, now()"
        " from generate_series(1, %s) as n",
        (messages // 2,),
    )
    connection.execute("vacuum analyze message_logs")
    connection.execute("checkpoint")


def _dispatch(
    connection: Connection, conninfo: str, messages: int, flow: Mapping[str, object]
) -> float:
    """Messages a second of one ``flowctl dispatch --once --outbox``."""
    connection.execute(
        "update flows set min_gap = %(min_gap)s, dedupe_address = %(dedupe_address)s", flow
    )
    _make_due(connection, messages)
    with fast_folder() as outbox, timed() as taken:
        program = [sys.executable, "-m", "flowctl", "dispatch", "--once", "--json"]
        done = subprocess.run(
            [*program, "--outbox", str(outbox)],
            env={**os.environ, "DATABASE_URL": conninfo, "EMAIL_FROM": "us@example.com"},
            stdout=subprocess.PIPE,
            check=True,
        )
    sent = json.loads(done.stdout)["sent"]
    if sent != messages:
        raise SystemExit(f"sent {sent} of {messages}")
    return messages / taken.seconds


def _sql(connection: Connection, messages: int) -> float:
    """Rows a second that are claimed and completed, each batch a commit, and nothing else done."""
    _make_due(connection, messages)
    with timed() as taken:
        for channel in ("email", "text"):
            while claimed := _claimed(connection, channel):
                for begin in range(0, len(claimed), OUTBOX_CONCURRENCY):
                    connection.execute(COMPLETE, (claimed[begin : begin + OUTBOX_CONCURRENCY],))
    return messages / taken.seconds


def _claimed(connection: Connection, channel: str) -> list[UUID]:
    rows = connection.execute(CLAIM, (channel, LARGEST_CLAIM)).fetchall()
    return [row[0] for row in rows if isinstance(row[0], UUID)]


def _files(count: int) -> float:
    """Files a second that are made under another name and put in their place."""
    content = b"x" * 700
    with fast_folder() as folder, timed() as taken:
        for number in range(count):
            _write(folder, f"{number:036}.eml", content)
    return count / taken.seconds


def _write(folder: Path, name: str, content: bytes) -> None:
    unfinished = f"{folder}/.{name}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(descriptor, content)
    os.close(descriptor)
    os.replace(unfinished, f"{folder}/{name}")  # noqa: PTH105 - Path costs as much again


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
