"""Asking Twilio what became of texts: deliveries, replies, unknown outcomes, forgotten texts.

Safe to run beside dispatchers and as often as one likes: everything it writes follows from what the
provider lists.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flowctl.database import Connection
from flowctl.dispatch.batches import Batches
from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.recovery import fail_unanswerable, look_up_texts
from flowctl.model import TextRecord
from flowctl.reconcile.forgotten import record_forgotten
from flowctl.reconcile.wishes import Wish, wish_of
from flowctl.reconnecting import OpenConnection
from flowctl.settings import Settings
from flowctl.store import reconcile as reconcile_store
from flowctl.store import returned_mail
from flowctl.store.reconcile import Delivered, Suppressed
from flowctl.store.runs import Run, new_run_id
from flowctl.store.selection import database_now
from flowctl.transports import TextLookup
from flowctl.transports.twilio.addresses import is_phone_number
from flowctl.transports.twilio.codes import judge_delivery
from flowctl.transports.twilio.meanings import Meaning

AT_ONCE = 1000
"""Records written in one statement."""

LEASE = timedelta(minutes=2)

_UNDELIVERED = frozenset({"failed", "undelivered", "canceled"})
"""Twilio's final words for a text that nobody got
(https://www.twilio.com/docs/messaging/api/message-resource#message-status-values)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A text that somebody sent to us."""

    sender: str
    at: datetime
    body: str


@dataclass(slots=True)
class ReconcileResult:
    """What a reconciliation found.

    ``texts``: records listed; ``left_out``: those of them that were of another channel or could not
    be read; ``updated``: deliveries that changed; ``suppressed`` and ``lifted``: numbers;
    ``found``: unknown outcomes that turned out sent; ``missing``: ones the provider does not have,
    due again; ``waiting``: ones to be asked about later; ``recovered``: texts that the database had
    forgotten; ``undelivered``: how many texts of ours turned out undelivered, by error code, or by
    Twilio's word where it gave none; ``replied``: replies that are no opt-out; ``replies``: those
    of them that were not understood.
    """

    texts: int = 0
    left_out: int = 0
    updated: int = 0
    suppressed: list[str] = field(default_factory=list)
    lifted: list[str] = field(default_factory=list)
    found: int = 0
    missing: int = 0
    waiting: int = 0
    recovered: int = 0
    undelivered: dict[str, int] = field(default_factory=dict)
    replied: int = 0
    replies: list[Reply] = field(default_factory=list)

    @property
    def not_understood(self) -> int:
        """How many replies ask neither for less nor for more."""
        return len(self.replies)


def reconcile(
    connection: Connection, provider: TextLookup, since: timedelta, settings: Settings
) -> ReconcileResult:
    """Bring the database to what the provider knows of the texts sent ``since`` so long ago.

    Raises ProviderStopped when the provider gives no answer (what it said before is written), and
    DatabaseUnavailable.
    """
    done = ReconcileResult()
    start = database_now(connection) - since
    _resolve(connection, provider, done)
    replies: list[TextRecord] = []
    for batch in _batches(provider.recent(start)):
        records = [record for record in batch if record is not None]
        done.texts += len(batch)
        done.left_out += sum(record is None or not _is_of_a_handset(record) for record in batch)
        replies += [r for r in records if r.inbound and is_phone_number(r.sender)]
        outbound = [record for record in records if not record.inbound]
        done.recovered += record_forgotten(connection, outbound, settings)
        _write_deliveries(connection, outbound, start, done)
    _write_replies(connection, replies[::-1], done)
    return done


def _resolve(connection: Connection, provider: TextLookup, done: ReconcileResult) -> None:
    def count(event: Event) -> None:
        done.found += event.kind is EventKind.SENT
        done.waiting += event.kind is EventKind.RETRYING
        done.missing += event.kind is EventKind.RELEASED

    run = Run(id=new_run_id(connection), lease=LEASE)
    batches = Batches(OpenConnection(connection), run)
    fail_unanswerable(batches, count)
    look_up_texts(batches, provider, count)


def _batches(records: Iterable[TextRecord | None]) -> Iterable[list[TextRecord | None]]:
    batch: list[TextRecord | None] = []
    for record in records:
        batch.append(record)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _is_of_a_handset(record: TextRecord) -> bool:
    return is_phone_number(record.sender if record.inbound else record.recipient)


def _write_deliveries(
    connection: Connection, records: list[TextRecord], since: datetime, done: ReconcileResult
) -> None:
    """The status decides whether a text arrived; the code only explains why it did not."""
    deliveries = [
        Delivered(record.provider_id, record.status, _code(record), _error(record))
        for record in records
    ]
    for change in reconcile_store.update_deliveries(connection, deliveries, since):
        done.updated += 1
        if change.is_newly_undelivered:
            reason = change.code or change.status
            done.undelivered[reason] = done.undelivered.get(reason, 0) + 1
    gone = [
        Suppressed(record.recipient, f"Twilio {record.error_code}", "provider", record.created_at)
        for record in records
        if record.error_code is not None
        and record.status in _UNDELIVERED
        and _is_of_a_handset(record)
        and judge_delivery(record.error_code, record.sender) in {Meaning.RECIPIENT, Meaning.OPT_OUT}
    ]
    done.suppressed += reconcile_store.suppress(connection, gone)


def _code(record: TextRecord) -> str | None:
    return None if record.error_code is None else str(record.error_code)


def _error(record: TextRecord) -> str | None:
    if record.status not in _UNDELIVERED:
        return None
    return f"not delivered: {_code(record) or record.status}"


def _write_replies(
    connection: Connection, replies: list[TextRecord], done: ReconcileResult
) -> None:
    """Act on each number's last STOP or START. ``replies`` come in their order: their times are
    whole seconds."""
    last: dict[str, tuple[datetime, Wish]] = {}
    for record in sorted(replies, key=lambda reply: reply.created_at):
        wish = wish_of(record.body)
        done.replied += wish is not Wish.STOP
        if wish is Wish.OTHER:
            done.replies.append(Reply(record.sender, record.created_at, record.body))
        else:
            last[record.sender] = (record.created_at, wish)
    stopped = [
        Suppressed(number, "replied STOP", "reply", at)
        for number, (at, wish) in last.items()
        if wish is Wish.STOP
    ]
    done.suppressed += reconcile_store.suppress(connection, stopped)
    returned_mail.stop_texted(connection, [r for r in replies if wish_of(r.body) is not Wish.STOP])
    started = {number: at for number, (at, wish) in last.items() if wish is Wish.START}
    done.lifted += reconcile_store.lift(connection, started)
