"""What a dispatcher does to messages: claim, begin, record, release (``dispatch.sql``)."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import scalar_row
from psycopg.types.json import Json

from flowctl.database import Connection, query
from flowctl.model import Channel, JsonObject, Slot, Status
from flowctl.records import record
from flowctl.store.fetching import fetch_ids, fetch_rows, rows_of, run_prepared, send_off, with_rows
from flowctl.store.intents import ClaimedMessage, Intent
from flowctl.store.nodes import form_of, is_distributed, text_of


@dataclass(frozen=True, slots=True)
class Run:
    """One dispatcher: its identity, how long its claims last, and the time it pretends it is.

    The lease is renewed while the dispatcher lives. ``now`` is null in production: then the
    database's clock decides. ``slot``: it takes only messages of the leads of this share.
    """

    id: UUID
    lease: timedelta
    now: datetime | None = None
    max_per_hour: int | None = None
    slot: Slot | None = None

    @property
    def share(self) -> dict[str, int | None]:
        """The slot as parameters of a query."""
        if self.slot is None:
            return {"slot": None, "slots": None}
        return {"slot": self.slot.number, "slots": self.slot.count}


@record
class BeginResult:
    """What begin decided about one message: cancelled or deferred (written), busy or over the
    hourly limit (still claimed), or, with none of these, begun."""

    id: UUID
    cancelled: str | None
    deferred_to: datetime | None
    is_busy: bool
    is_limited: bool


@record
class OutcomeRecord:
    """What is to be recorded of a message. ``pause`` keeps a pending one from being due;
    ``attempted`` says whether the provider was asked, ``is_unknown`` that a failed message may have
    been accepted. ``cause`` is the word of ``message_logs.cause``."""

    id: UUID
    status: Status
    error: str | None = None
    cause: str | None = None
    provider_id: str | None = None
    pause: timedelta | None = None
    attempted: bool = True
    is_unknown: bool = False


def check_writable(connection: Connection) -> None:
    """Raise psycopg's error where messages cannot be changed at the moment."""
    connection.execute(query("check_writable"))


def claim_due(
    connection: Connection,
    run: Run,
    channel: Channel,
    *,
    batch_size: int,
    low: datetime | None = None,
) -> list[ClaimedMessage]:
    """Claim up to ``batch_size`` due messages of a channel, the longest due first.

    ``low`` is a mark below which nothing is due any more: it spares the walk over dead entries.
    """
    chosen = text_of(connection, "choose_due", has_slot=run.slot is not None)
    rows = fetch_rows(
        connection,
        with_rows("chosen", chosen, text_of(connection, "claim_chosen")),
        ClaimedMessage,
        run=run.id,
        lease=run.lease,
        now=run.now,
        channel=channel,
        batch_size=batch_size,
        low=low,
        **run.share,
    )
    return sorted(rows, key=_order)


def flow_senders(connection: Connection) -> dict[str, JsonObject]:
    """Who the messages of a flow come from, for each flow that says so."""
    return {str(n): cast(JsonObject, s) for n, s in connection.execute(query("flow_senders"))}


def lock_guarded(connection: Connection, run: Run, intents: Sequence[Intent]) -> None:
    """Keep other dispatchers from deciding about the same gaps, addresses and limit until the end
    of the transaction."""
    names = [name for intent in intents for name in intent.guards]
    if run.max_per_hour is not None:
        names.append("hourly limit")
    if names:
        connection.execute(query("lock_guarded"), {"names": names})


def record_and_begin(
    connection: Connection,
    run: Run,
    results: Sequence[OutcomeRecord],
    intents: Sequence[Intent],
    meanwhile: Callable[[], None],
) -> tuple[set[UUID], list[BeginResult]]:
    """Write results and then begin intents: one transaction, one round trip.

    As :func:`record_outcomes`, :func:`lock_guarded` and :func:`begin_sends` one after another.
    ``meanwhile`` is called while the server is at it. Statements that are sent together are a
    transaction, where none is open (PostgreSQL, section 54.2.4).
    """
    with ExitStack() as stack:
        if not is_distributed(connection):
            stack.enter_context(connection.pipeline())
        if is_distributed(connection) or not connection.autocommit:
            stack.enter_context(connection.transaction())
        if not _are_plain(run, intents):
            run_prepared(connection, "plan_once", scalar_row)
        lock_guarded(connection, run, intents)
        recorded = _record(connection, run, results) if results else None
        begun = _begin(connection, run, intents)
        send_off(connection)
        meanwhile()
    return set() if recorded is None else set(recorded.fetchall()), begun.fetchall()


def begin_sends(connection: Connection, run: Run, intents: Sequence[Intent]) -> list[BeginResult]:
    """Write the intent to send; only what comes back begun may be handed over, after the commit.

    A message missing from the answer is no longer this run's.
    """
    return _begin(connection, run, intents).fetchall()


def record_outcomes(
    connection: Connection, run: Run, results: Sequence[OutcomeRecord]
) -> set[UUID]:
    """Write results and end their sends; returns the messages that took them."""
    return set(_record(connection, run, results).fetchall())


def keep_unknown_texts(
    connection: Connection, run: Run, errors: dict[UUID, str], *, pause: timedelta
) -> set[UUID]:
    """Keep the sends of texts that were not answered for, to be looked up after ``pause``."""
    return fetch_ids(
        connection,
        "keep_unknown_texts",
        run=run.id,
        ids=list(errors),
        errors=list(errors.values()),
        pause=pause,
    )


def renew_leases(connection: Connection, run: Run, ids: Sequence[UUID]) -> None:
    """Have what this run still holds of these, begun or not, last for another lease from now."""
    values = {"run": run.id, "lease": run.lease, "ids": list(ids)}
    connection.execute(text_of(connection, "renew_leases"), values)


def release_claims(
    connection: Connection, run: Run, ids: Sequence[UUID], *, pause: timedelta | None = None
) -> set[UUID]:
    """Give back messages that were not begun, due again at once or after ``pause``."""
    return fetch_ids(connection, "release_claims", run=run.id, ids=list(ids), pause=pause)


def abandon_sends(connection: Connection, run: Run, ids: Sequence[UUID]) -> None:
    """Take back intents of which nothing was handed over."""
    connection.execute(query("abandon_sends"), {"run": run.id, "ids": list(ids)})


def _begin(connection: Connection, run: Run, intents: Sequence[Intent]) -> Cursor[BeginResult]:
    rows = [{"number": number, **intent.row} for number, intent in enumerate(intents)]
    return run_prepared(
        connection,
        form_of(connection, "begin_plain" if _are_plain(run, intents) else "begin_sends"),
        rows_of(BeginResult),
        run=run.id,
        lease=run.lease,
        now=run.now,
        max_per_hour=run.max_per_hour,
        intents=Json(rows),
    )


def _are_plain(run: Run, intents: Sequence[Intent]) -> bool:
    """Whether nothing is to be decided about these but whether their recipients are suppressed."""
    return run.max_per_hour is None and all(intent.is_plain for intent in intents)


def _record(connection: Connection, run: Run, results: Sequence[OutcomeRecord]) -> Cursor[UUID]:
    return run_prepared(
        connection,
        "record_outcomes",
        scalar_row,
        run=run.id,
        now=run.now,
        results=Json(
            [
                {
                    "id": result.id.hex,
                    "status": result.status,
                    "error": result.error,
                    "cause": result.cause,
                    "provider_id": result.provider_id,
                    "pause_seconds": result.pause and result.pause.total_seconds(),
                    "attempted": result.attempted,
                    "is_unknown": result.is_unknown,
                }
                for result in results
            ]
        ),
    )


def _order(row: ClaimedMessage) -> tuple[bool, datetime | None, int]:
    return row.due_at is None, row.due_at, row.step_order or 0
