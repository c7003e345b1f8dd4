"""Dispatch of a backlog into an outbox, against what the database and the file system can do.

``python -m tests.benchmarks.dispatch [--older PYTHON] [--messages N] [--rounds N]``. One process,
the installed program, from its start to its exit. Beside it, in each round: the same rows claimed
and completed by bare SQL in batches of the same sizes, and as many files written as the outbox
writes them. The best round of each counts.
"""

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from flowctl.cli import show
from flowctl.cli.dispatch import OUTBOX_CONCURRENCY
from flowctl.database import Connection
from flowctl.dispatch.options import LARGEST_CLAIM
from tests.benchmarks.builds import Build, Pace, arguments, best, builds
from tests.benchmarks.server import fast_folder, machine, timed

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


BARE = "claim and complete in SQL"
FILES = "plain files"


def main() -> None:
    """Measure, and say what came out."""
    given = arguments("Dispatch of a backlog into an outbox.", messages=20_000).parse_args()
    paces: defaultdict[str, list[Pace]] = defaultdict(list)
    with builds(given.older) as programs:
        for build in programs:
            _add_steps(build.connection)
        for _ in range(given.rounds):
            for build in programs:
                paces[build.name].append(_dispatch(build, given.messages, PLAIN))
                guarded = _dispatch(build, given.messages, GUARDED)
                paces[f"{build.name}, min_gap and dedupe"].append(guarded)
            paces[BARE].append(Pace(_sql(programs[0].connection, given.messages), 0))
            paces[FILES].append(Pace(_files(given.messages), 0))
    document = {
        name: {"messages_per_second": round(pace.rate), "cpu_us_per_message": round(pace.cpu)}
        for name, pace in ((name, best(found)) for name, found in paces.items())
    }
    if given.json:
        show.line(json.dumps({"messages": given.messages, "machine": machine(), **document}))
        return
    show.line(f"{given.messages} messages, half of them emails, {machine()}")
    for name, pace in document.items():
        cpu = pace["cpu_us_per_message"]
        said = f", {cpu} us of CPU a message" if cpu else ""
        show.line(f"{name}: {pace['messages_per_second']:,}/s{said}")


def _add_steps(connection: Connection) -> None:
    """An email and a text, at once."""
    connection.execute(
        "insert into flow_steps (type, subject, content, time_type)"
        " select type, 'Welcome, {{ first_name }}', %s, 'immediately'"
        " from unnest(array['email', 'text']) as type",
        ("Hello {{ first_name | default: 'there' }},\n\nthank you for your interest.\n" * 3,),
    )


def _make_due(connection: Connection, messages: int) -> None:
    connection.execute("truncate leads cascade")
    # what was sent to an address is remembered when its lead is gone; an older build does not
    if _has_memory(connection):
        connection.execute("truncate flowctl.sent_addresses")
    connection.execute(
        "insert into leads (first_name, email, phone, created_at)"
        " select 'Lead' || n, 'lead' || n || '@example.com', '+1212' || 2000000 + n, now()"
        " from generate_series(1, %s) as n",
        (messages // 2,),
    )
    connection.execute("vacuum analyze message_logs")
    connection.execute("checkpoint")


def _has_memory(connection: Connection) -> bool:
    found = connection.execute("select to_regclass('flowctl.sent_addresses') is not null")
    return found.fetchone() == (True,)


def _dispatch(build: Build, messages: int, flow: Mapping[str, object]) -> Pace:
    """One ``flowctl dispatch --once --outbox``."""
    build.connection.execute(
        "update flows set min_gap = %(min_gap)s, dedupe_address = %(dedupe_address)s", flow
    )
    _make_due(build.connection, messages)
    with fast_folder() as outbox:
        return build.dispatch(
            "--outbox",
            os.fspath(outbox),
            environ={"EMAIL_FROM": "us@example.com"},
            messages=messages,
        )


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
    main()
