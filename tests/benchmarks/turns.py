"""What a turn of a dispatcher costs the server: so many messages recorded and as many begun.

``python -m tests.benchmarks.turns [--messages N] [--rounds N] [--json]``. Beside it, in turns of
the same size, the same rows written with nothing judged. Microseconds are of CPU in the server's
process, for each message, which other work on the machine does not change; the least of the rounds
counts.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from flowctl import database
from flowctl.cli import show
from flowctl.database import Connection
from flowctl.model import Channel, OutgoingMessage, Status
from flowctl.store import claims, sends
from flowctl.store.intents import ClaimedMessage, Intent, intent_of
from flowctl.store.outcomes import OutcomeRecord
from flowctl.store.runs import Run
from tests.benchmarks.builds import add_step, make_due
from tests.benchmarks.dispatch import GUARDED, PLAIN
from tests.benchmarks.server import durable_database, machine

FLOWS: Mapping[str, Mapping[str, object]] = {
    "no guard": PLAIN,
    "min_gap and dedupe_address": GUARDED,
}
SIZES = (10, 250)
CONTENT = "Hello Ada,\n\nthank you for your interest.\n" * 3

SET_FLOW = "update flows set min_gap = %(min_gap)s, dedupe_address = %(dedupe_address)s"
RUN = UUID(int=1)

BEGIN = """
insert into flowctl.sends (
  message_id, lead_id, flow_step_id, channel, transport, recipient, content, claimed_by, lease_until
)
select id, lead_id, flow_step_id, 'email', 'smtp', 'ada@example.com', %s, claimed_by, lease_until
from message_logs where id = any(%s)
"""
END = "delete from flowctl.sends where message_id = any(%s)"
RECORD = """
update message_logs
set status = 'sent', sent_at = now(), recipient = 'ada@example.com', content = %s,
  attempts = attempts + 1, claimed_by = null, lease_until = null
where id = any(%s)
"""

Turn = Callable[[Connection, Run, Sequence[Intent], Sequence[Intent]], None]


def main() -> None:
    """Measure, and say what came out."""
    options = _options()
    document: dict[str, dict[str, float]] = {}
    with durable_database() as conninfo, database.connect(conninfo) as connection:
        connection.prepare_threshold = 5
        add_step(connection, "email")
        for size in SIZES:
            kinds: dict[str, tuple[Mapping[str, object], Turn]] = {
                **{name: (flow, _turn) for name, flow in FLOWS.items()},
                "nothing judged": (PLAIN, _bare_turn),
            }
            found: dict[str, float] = {}
            for _ in range(options.rounds):
                for name, (flow, turn) in kinds.items():
                    connection.execute(SET_FLOW, flow)
                    make_due(connection, options.messages)
                    cost = _cost(connection, turn, size)
                    found[name] = min(cost, found.get(name, cost))
            document[f"turns of {size}"] = found
    if options.json:
        show.line(json.dumps(document))
        return
    show.line(f"{options.messages} messages, {options.rounds} rounds, {machine()}")
    for name, found in document.items():
        show.line(f"{name}: " + ", ".join(f"{one} {us:.1f} us" for one, us in found.items()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one document instead of lines")
    return parser.parse_args()


def _cost(connection: Connection, turn: Turn, size: int) -> float:
    """Microseconds of the server's CPU that each message took, its claim left out."""
    run = Run(RUN, timedelta(minutes=10))
    before: list[Intent] = []
    begun, cpu = 0, 0.0
    while rows := claims.claim_due(connection, run, Channel.EMAIL, batch_size=500):
        intents = [_intent(row) for row in rows]
        for first in range(0, len(intents), size):
            own = intents[first : first + size]
            since = _cpu(connection)
            turn(connection, run, before, own)
            cpu += _cpu(connection) - since
            begun, before = begun + len(own), own
    return cpu / begun * 1e6


def _turn(
    connection: Connection, run: Run, before: Sequence[Intent], intents: Sequence[Intent]
) -> None:
    results = [OutcomeRecord(one.id, Status.SENT, provider_id="<1@example.com>") for one in before]
    _, begun = sends.record_and_begin(connection, run, results, intents, lambda: None)
    if len(begun) != len(intents):
        raise SystemExit(f"begun are {len(begun)} of {len(intents)}")


def _bare_turn(
    connection: Connection, _: Run, before: Sequence[Intent], intents: Sequence[Intent]
) -> None:
    with connection.transaction():
        connection.execute(BEGIN, (CONTENT, _ids(intents)))
        if before:
            connection.execute(END, (_ids(before),))
            connection.execute(RECORD, (CONTENT, _ids(before)))


def _ids(intents: Sequence[Intent]) -> list[UUID]:
    return [one.id for one in intents]


def _intent(row: ClaimedMessage) -> Intent:
    to = f"{row.id.hex}@example.com"
    message = OutgoingMessage(row.id, row.lead_id, Channel.EMAIL, to, "Welcome", CONTENT)
    return intent_of(row, message, transport="smtp", addresses=(to,))


def _cpu(connection: Connection) -> float:
    """Seconds in the server's process; of nanoseconds (the kernel's sched-stats)."""
    statistics = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    return int(statistics.read_text("ascii").split()[0]) / 1e9


if __name__ == "__main__":
    main()
