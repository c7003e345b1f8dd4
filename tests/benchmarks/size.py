"""What a large database costs: everyday statements on ten thousand sent messages, and on many.

``python -m tests.benchmarks.size [--messages N] [--rounds N] [--folder DIR] [--json]``. Two
databases on one server. The small one stays as it is, the large one comes into one situation after
the other and keeps what came before: so many sent messages; a tenth as many updates; a tenth as
many messages in the future; a hundredth as many that are due and wait (their flow is paused, or
they are texts, and held); an old snapshot that keeps dead rows; everybody due at the same 9:00 AM.
The statements take turns in both, and the least time of the rounds counts, without the commit. The
limit of every ratio is 1.2, with the old snapshot 1.34. Beyond it the exit status is 1.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from psycopg.conninfo import make_conninfo

from flowctl import database, migrate
from flowctl.cli import show
from flowctl.database import Connection
from flowctl.enrollments import show_lead
from flowctl.messages import Criteria, list_messages
from flowctl.model import Channel, OutgoingMessage, Status
from flowctl.preview import preview_lead
from flowctl.settings import Settings
from flowctl.status import summarize
from flowctl.store import claims, due, outcomes, sends
from flowctl.store.intents import intent_of
from flowctl.store.outcomes import OutcomeRecord
from flowctl.store.runs import Run
from tests.benchmarks.server import durable_database, machine, timed
from tests.benchmarks.size_rows import Made, fill, make, update, value

FEW = 10_000
BATCH = 50
LIMIT, SNAPSHOT_LIMIT = 1.2, 1.34
SNAPSHOT = "an old snapshot"
NOTHING = Settings.from_env({})

Times = dict[str, float]
"""Seconds of each statement."""

Compared = Mapping[str, tuple[float, float]]
"""The same in the small database and in the large one."""

NEW_LEADS = """
insert into leads (email, first_name)
select gen_random_uuid() || '@example.com', 'Ada' from generate_series(1, %s) returning id::text
"""


def main() -> int:
    """Measure, and say what came out; 1 where a ratio is beyond its limit."""
    options = _options()
    document: dict[str, Compared] = {}
    with durable_database(options.folder) as conninfo, ExitStack() as stack:
        few = stack.enter_context(database.connect(conninfo))
        few.execute("create database many")
        many_conninfo = make_conninfo(conninfo, dbname="many")
        many = stack.enter_context(database.connect(many_conninfo))
        migrate.apply(many)
        fill(few, FEW)
        if not options.json:
            show.line(
                f"{FEW} and {options.messages} messages, {options.rounds} rounds, {machine()}"
            )
        for name, change in _situations(many_conninfo, stack, options.messages):
            change(many)
            document[name] = _compare(few, many, options.rounds)
            if not options.json:
                show.line(f"{name}: {', '.join(map(_said, document[name].items()))}")
    if options.json:
        show.line(json.dumps(document))
    beyond = [
        (name, what)
        for name, found in document.items()
        for what, (small, large) in found.items()
        if large / small > (SNAPSHOT_LIMIT if name == SNAPSHOT else LIMIT)
    ]
    if not options.json:
        show.line(f"{len(beyond)} of {sum(map(len, document.values()))} beyond their limit")
    return int(bool(beyond))


def _said(entry: tuple[str, tuple[float, float]]) -> str:
    name, (small, large) = entry
    return f"{name} {small * 1000:.2f} ms x {large / small:.2f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="where the databases are made")
    parser.add_argument("--json", action="store_true", help="one document instead of lines")
    return parser.parse_args()


def _situations(
    conninfo: str, stack: ExitStack, messages: int
) -> Iterator[tuple[str, Callable[[Connection], None]]]:
    """What the large database comes into, one after the other."""
    tenth, hundredth = messages // 10, messages // 100
    day, year = timedelta(days=1), timedelta(days=365)
    yield f"{messages:,} sent", lambda many: fill(many, messages)
    yield f"{tenth:,} updates", lambda many: update(many, tenth)
    yield f"{tenth:,} in the future", lambda many: make(many, Made("texts", tenth, day, year))

    def wait(many: Connection) -> None:
        make(many, Made("paused", hundredth, -2 * day, day))
        make(many, Made("texts", hundredth, -2 * day, day))

    yield f"{hundredth:,} paused, {hundredth:,} held", wait

    def look_back(many: Connection) -> None:
        old = stack.enter_context(database.connect(conninfo))
        old.execute("begin isolation level repeatable read")
        old.execute("select count(*) from flows")
        update(many, tenth)

    yield SNAPSHOT, look_back
    nine = Made("default", hundredth, -day, timedelta(), steps=1)
    yield f"{hundredth:,} due at the same 9:00 AM", lambda many: make(many, nine)


def _compare(few: Connection, many: Connection, rounds: int) -> Compared:
    """The least time of each statement in both, by turns."""
    taken: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for connection in (few, many):
        connection.execute(NEW_LEADS, (rounds * BATCH,))
    for _ in range(rounds):
        for place, connection in enumerate((few, many)):
            for name, seconds in (_write(connection) | _read(connection)).items():
                taken[place][name] = min(seconds, taken[place].get(name, seconds))
    return {name: (seconds, taken[1][name]) for name, seconds in taken[0].items()}


def _write(connection: Connection) -> Times:
    """A batch from its claim to its record, and one more lead; each without its commit."""
    found: dict[str, float] = {}

    @contextmanager
    def measured(name: str) -> Iterator[None]:
        with connection.transaction(), timed() as taken:
            yield
        found[name] = taken.seconds

    run = _run(connection)
    with measured("claim"):
        claimed = claims.claim_due(connection, run, Channel.EMAIL, batch_size=BATCH)
    to = "ada@example.com"
    intents = [
        intent_of(
            one,
            OutgoingMessage(one.id, one.lead_id, Channel.EMAIL, to, "Subject", "Hello"),
            transport="smtp",
            addresses=(to,),
        )
        for one in claimed
    ]
    with measured("begin"):
        begun = sends.begin_sends(connection, run, intents)
    if len(begun) != BATCH:
        raise SystemExit(f"begun are {len(begun)} of {BATCH}")
    results = [OutcomeRecord(one.id, Status.SENT, provider_id="<1@example.com>") for one in begun]
    with measured("record"):
        outcomes.record_outcomes(connection, run, results)
    with measured("insert of a lead"):
        connection.execute(NEW_LEADS, (1,))
    return found


def _read(connection: Connection) -> Times:
    """What cron and people ask."""
    run = _run(connection)
    lead = str(value(connection, "select id::text from leads limit 1"))
    email = str(value(connection, "select email from leads limit 1"))
    asked: dict[str, Callable[[], object]] = {
        "is due": lambda: due.is_due(connection, run, [Channel.EMAIL]),
        "status": lambda: summarize(connection, NOTHING, timedelta(days=7)),
        "preview": lambda: preview_lead(connection, NOTHING, lead),
        "leads show EMAIL": lambda: show_lead(connection, NOTHING, email),
        "messages list --limit 50": lambda: list_messages(connection, NOTHING, Criteria(), 50),
        "messages list --to EMAIL": lambda: list_messages(
            connection, NOTHING, Criteria(to=email), 50
        ),
    }
    found: dict[str, float] = {}
    for name, ask in asked.items():
        with timed() as taken:
            ask()
        found[name] = taken.seconds
    return found


def _run(connection: Connection) -> Run:
    return Run(value(connection, "select gen_random_uuid()"), timedelta(minutes=2))


if __name__ == "__main__":
    sys.exit(main())
