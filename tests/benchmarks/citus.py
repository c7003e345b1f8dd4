"""What a Citus cluster does with leads and messages, beside one machine and a plain loop.

``TEST_CITUS_URL=... python -m tests.benchmarks.citus [--messages N] [--leads N] [--slots N]
[--rounds N] [--json]``. The best of the rounds, all in one run: leads inserted by one statement on
the cluster, there over as many connections as Citus would open, and on the coordinator's machine
alone; due messages claimed and recorded by as many slots as threads; and the same rows through a
plain loop: candidates in a CTE by share of the lead, looked at again in the UPDATE, batches of 50,
on a bare distributed table of the same number of parts.
"""

import argparse
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from psycopg.conninfo import make_conninfo

from flowctl import database, migrate
from flowctl.cli import show
from flowctl.clock import SystemClock
from flowctl.model import Channel, Slot, Status
from flowctl.store import claims, outcomes
from flowctl.store.outcomes import OutcomeRecord
from flowctl.store.runs import Run
from tests.benchmarks.server import machine
from tests.support.citus import Cluster, distribute
from tests.support.distributed import TEST_CITUS_URL
from tests.support.factories import a_step
from tests.support.postgres import Connection, connect

CLOCK = SystemClock()
BATCH = 500
PLAIN_BATCH = 50

PLAIN_CLAIM = """
with due as materialized (
  select lead_id, id from plain
  where status = 'pending' and lease_until is null and due_at <= now()
    and mod(hashtext(lead_id::text)::bigint + 2147483648, %(slots)s) + 1 = %(slot)s
  order by due_at, id limit %(batch)s
)
update plain as message set claimed_by = %(run)s, lease_until = now() + interval '2 minutes'
from due
where message.lead_id = due.lead_id and message.id = due.id and message.status = 'pending'
  and message.lease_until is null
returning message.lead_id, message.id"""

PLAIN_RECORD = """
update plain as message set status = 'sent', claimed_by = null, lease_until = null
from unnest(%(leads)s::uuid[], %(ids)s::uuid[]) as done (lead_id, id)
where message.lead_id = done.lead_id and message.id = done.id and message.claimed_by = %(run)s"""

PLAIN_TABLE = """
create table if not exists plain (
  lead_id uuid, id uuid, status text default 'pending', due_at timestamptz default now(),
  claimed_by uuid, lease_until timestamptz, content text default repeat('x', 200),
  primary key (lead_id, id)
)"""


def main() -> None:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--leads", type=int, default=5_000)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, float] = {}
    with Cluster(os.environ[TEST_CITUS_URL]).running(distribute) as cluster:
        with cluster.database() as url, connect(url) as connection:
            _prepare(connection)
            rounds = range(options.rounds)
            found["leads/s on the cluster"] = max(_leads(connection, options.leads) for _ in rounds)
            connection.execute("set citus.max_adaptive_executor_pool_size to 16")
            found["leads/s over up to 16 connections to each node"] = max(
                _leads(connection, options.leads) for _ in rounds
            )
            connection.execute("reset citus.max_adaptive_executor_pool_size")
            found["messages/s by the plain loop"] = max(
                _plain(connection, url, options) for _ in rounds
            )
            found["messages/s by the slots"] = max(_slots(connection, url, options) for _ in rounds)
        with cluster.database(template="template0") as url, connect(url) as connection:
            migrate.apply(connection)
            a_step(connection)
            found["leads/s on one machine"] = max(_leads(connection, options.leads) for _ in rounds)
    if options.json:
        show.line(json.dumps(found))
        return
    show.line(f"{options.messages} messages, {options.slots} slots, {machine()}")
    for name, rate in found.items():
        show.line(f"{rate:9,.0f} {name}")


def _prepare(connection: Connection) -> None:
    a_step(connection)
    connection.execute(PLAIN_TABLE)
    connection.execute("create index on plain (due_at, id) where status = 'pending'")
    connection.execute(
        "select create_distributed_table('plain', 'lead_id', colocate_with => 'none')"
    )


def _leads(connection: Connection, leads: int) -> float:
    begun = CLOCK.monotonic()
    connection.execute(
        "insert into leads (email) select 'lead' || n || '@example.com' "
        "from generate_series(1, %s) as n",
        (leads,),
    )
    return leads / (CLOCK.monotonic() - begun)


def _slots(connection: Connection, url: str, options: argparse.Namespace) -> float:
    connection.execute("delete from leads")
    _leads(connection, options.messages)

    def drain(number: int) -> int:
        run = Run(UUID(int=number), timedelta(minutes=10), slot=Slot(number, options.slots))
        done = 0
        with database.connect(url) as own:
            while rows := claims.claim_due(own, run, Channel.EMAIL, batch_size=BATCH):
                records = [OutcomeRecord(row.id, Status.SENT) for row in rows]
                done += len(outcomes.record_outcomes(own, run, records))
        return done

    return _timed(drain, options)


def _plain(connection: Connection, url: str, options: argparse.Namespace) -> float:
    connection.execute("truncate plain")
    connection.execute(
        "insert into plain (lead_id, id) select gen_random_uuid(), gen_random_uuid() "
        "from generate_series(1, %s)",
        (options.messages,),
    )

    def drain(number: int) -> int:
        done = 0
        values = {"slots": options.slots, "slot": number, "batch": PLAIN_BATCH}
        run = UUID(int=number)
        with database.connect(make_conninfo(url)) as own:
            while rows := own.execute(PLAIN_CLAIM, {**values, "run": run}).fetchall():
                leads, ids = map(list, zip(*rows, strict=True))
                done += own.execute(PLAIN_RECORD, {"leads": leads, "ids": ids, "run": run}).rowcount
        return done

    return _timed(drain, options)


def _timed(drain: Callable[[int], int], options: argparse.Namespace) -> float:
    """How many a second all slots do; each message once."""
    begun = CLOCK.monotonic()
    with ThreadPoolExecutor(options.slots) as pool:
        done = sum(pool.map(drain, range(1, options.slots + 1)))
    if done != options.messages:
        raise SystemExit(f"{done} of {options.messages} messages")
    return done / (CLOCK.monotonic() - begun)


if __name__ == "__main__":
    main()
