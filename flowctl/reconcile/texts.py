"""Asking Twilio what became of texts: deliveries, STOP and START, unknown outcomes.

Safe to run beside dispatchers and as often as one likes: everything it writes follows from what the
provider lists.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flowctl.database import Connection
from flowctl.dispatch.batches import Batches
from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.recovery import fail_unanswerable, look_up_texts
from flowctl.model import TextRecord
from flowctl.reconnecting import ReconnectingConnection
from flowctl.store import dispatch as dispatch_store
from flowctl.store import reconcile as reconcile_store
from flowctl.store.reconcile import Delivered, Suppressed
from flowctl.transports import TextLookup
from flowctl.transports.twilio.codes import Delivery, judge_delivery

STOP_WORDS = frozenset({
    "stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout",
})  # fmt: skip
START_WORDS = frozenset({"start", "yes", "unstop"})
"""The replies that Twilio itself acts on by default:
https://help.twilio.com/articles/223134027-Twilio-support-for-opt-out-keywords-SMS-STOP-filtering-
"""

AT_ONCE = 1000
"""Records written in one statement."""

LEASE = timedelta(minutes=2)


@dataclass(slots=True)
class ReconcileResult:
    """What a reconciliation found.

    ``texts``: records listed; ``updated``: deliveries that changed; ``suppressed`` and ``lifted``:
    numbers; ``found``: unknown outcomes that turned out sent; ``missing``: ones the provider does
    not have, due again; ``waiting``: ones to be asked about later; ``undelivered``: how many texts
    of those listed were not delivered, by error code.
    """

    texts: int = 0
    updated: int = 0
    suppressed: list[str] = field(default_factory=list)
    lifted: list[str] = field(default_factory=list)
    found: int = 0
    missing: int = 0
    waiting: int = 0
    undelivered: dict[int, int] = field(default_factory=dict)


def reconcile(
    connect: Callable[[], Connection], provider: TextLookup, since: timedelta
) -> ReconcileResult:
    """Bring the database to what the provider knows of the texts sent ``since`` so long ago.

    Raises ProviderStopped when the provider gives no answer (what it said before is written), and
    DatabaseUnavailable.
    """
    done = ReconcileResult()
    with connect() as connection:
        run = dispatch_store.Run(id=dispatch_store.new_run_id(connection), lease=LEASE)
        start = dispatch_store.database_now(connection) - since
        link = ReconnectingConnection(
            lambda: connection,
            pause=lambda _: False,
            random=random.SystemRandom(),
            on_change=lambda _: None,
        )
        batches = Batches(link, run)
        _settle(batches, provider, done)
        replies: list[TextRecord] = []
        for batch in _batches(provider.recent(start)):
            done.texts += len(batch)
            replies += [record for record in batch if record.inbound]
            _write_deliveries(connection, [r for r in batch if not r.inbound], start, done)
        _write_replies(connection, replies, done)
    return done


def _settle(batches: Batches, provider: TextLookup, done: ReconcileResult) -> None:
    def count(event: Event) -> None:
        done.found += event.kind is EventKind.SENT
        done.waiting += event.kind is EventKind.RETRYING
        done.missing += event.kind is EventKind.RELEASED

    fail_unanswerable(batches, count)
    look_up_texts(batches, provider, count)


def _batches(records: Iterable[TextRecord]) -> Iterable[list[TextRecord]]:
    batch: list[TextRecord] = []
    for record in records:
        batch.append(record)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _write_deliveries(
    connection: Connection, records: list[TextRecord], since: datetime, done: ReconcileResult
) -> None:
    gone: list[Suppressed] = []
    for record in records:
        if record.error_code is None:
            continue
        done.undelivered[record.error_code] = done.undelivered.get(record.error_code, 0) + 1
        if judge_delivery(record.error_code) in {Delivery.RECIPIENT, Delivery.OPT_OUT}:
            reason = f"Twilio {record.error_code}"
            gone.append(Suppressed(record.recipient, reason, "provider", record.created_at))
    done.updated += reconcile_store.update_deliveries(
        connection,
        [
            Delivered(
                record.provider_id,
                record.status,
                None if record.error_code is None else f"not delivered: {record.error_code}",
            )
            for record in records
        ],
        since,
    )
    done.suppressed += reconcile_store.suppress(connection, gone)


def _write_replies(
    connection: Connection, replies: list[TextRecord], done: ReconcileResult
) -> None:
    """Act on each number's last STOP or START."""
    last: dict[str, tuple[datetime, bool]] = {}
    for record in sorted(replies, key=lambda reply: reply.created_at):
        word = record.body.strip().strip(".!\"'").lower()
        if word in STOP_WORDS or word in START_WORDS:
            last[record.sender] = (record.created_at, word in STOP_WORDS)
    stopped = [
        Suppressed(number, "replied STOP", "reply", at)
        for number, (at, is_stop) in last.items()
        if is_stop
    ]
    done.suppressed += reconcile_store.suppress(connection, stopped)
    started = {number: at for number, (at, is_stop) in last.items() if not is_stop}
    done.lifted += reconcile_store.lift(connection, started)
