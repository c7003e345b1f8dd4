"""What a dispatcher does to messages: claim, begin, record, release (``dispatch.sql``)."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
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
from flowctl.store.intents import BeginResult, ClaimedMessage, Intent
from flowctl.store.nodes import is_distributed, text_of
from flowctl.store.parts import Part, grouped, is_free, parts_of, share_of


@dataclass(frozen=True, slots=True)
class Run:
    """One dispatcher: its identity, how long its claims last, and the time it pretends it is.

    The lease is renewed while the dispatcher lives. ``now`` is null in production: then the
    database's clock decides. ``slot``: it takes only messages of the leads of this share.
    ``places``: in which part of distributed tables its claims are.
    """

    id: UUID
    lease: timedelta
    now: datetime | None = None
    max_per_hour: int | None = None
    slot: Slot | None = None
    places: dict[UUID, Part] = field(default_factory=dict, compare=False, repr=False)


@record
class _Decided(BeginResult):
    lead_id: str
    begins: bool


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
    values = {"run": run.id, "lease": run.lease, "now": run.now, "channel": channel}
    if is_distributed(connection):
        rows = _claim_in_parts(connection, run, batch_size, values)
    else:
        values |= {"batch_size": batch_size, "low": low, **share_of(run.slot)}
        rows = fetch_rows(connection, _claim(run.slot), ClaimedMessage, **values)
    return sorted(rows, key=_order)


def _claim(slot: Slot | None) -> bytes:
    """Claiming with a slot, or without."""
    chosen = query("choose_due" if slot is None else "choose_share")
    return with_rows("chosen", chosen, query("claim_chosen"))


def _claim_in_parts(
    connection: Connection, run: Run, batch_size: int, values: dict[str, object]
) -> list[ClaimedMessage]:
    rows: list[ClaimedMessage] = []
    left = batch_size
    for part, share in parts_of(connection, run.slot):
        values |= {"batch_size": left, "low": None, **share_of(share)}
        call = part.call(connection, _claim(share), **values)
        found = fetch_rows(connection, "claim_in_part", ClaimedMessage, **call)
        run.places.update((row.id, part) for row in found if row.cancelled is None)
        left -= sum(row.due_at is not None and not row.is_pulled for row in found)
        rows += found
        if left <= 0:
            break
    return rows


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
    transaction, where none is open (PostgreSQL, section 54.2.4). Parts of distributed tables are
    written one by one.
    """
    if is_distributed(connection):
        meanwhile()
        goes_to_parts = _goes_to_parts(connection, run, intents)
        with nullcontext() if goes_to_parts else connection.transaction():
            lock_guarded(connection, run, intents)
            written = record_outcomes(connection, run, results) if results else set()
            return written, begin_sends(connection, run, intents)
    with ExitStack() as stack:
        stack.enter_context(connection.pipeline())
        if not connection.autocommit:
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
    if not is_distributed(connection):
        return _begin(connection, run, intents).fetchall()
    if not _goes_to_parts(connection, run, intents):
        return _begin_over_nodes(connection, run, intents)
    begun: list[BeginResult] = []
    for part, own in grouped(intents, run.places):
        if part is not None:
            call = part.call(connection, query(_form(run, own)), **_of_begin(run, own))
            begun += fetch_rows(connection, "begin_in_part", BeginResult, **call)
    return begun


def record_outcomes(
    connection: Connection, run: Run, results: Sequence[OutcomeRecord]
) -> set[UUID]:
    """Write results and end their sends; returns the messages that took them."""
    if not is_free(connection):
        return set(_record(connection, run, results).fetchall())
    recorded: set[UUID] = set()
    for part, own in grouped(results, run.places):
        if part is None:
            recorded.update(_record(connection, run, own))
        else:
            call = part.call(connection, query("record_outcomes"), **_of_record(run, own))
            recorded |= fetch_ids(connection, "record_in_part", **call)
    _forget(run, recorded)
    return recorded


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
    _forget(run, ids)
    return fetch_ids(connection, "release_claims", run=run.id, ids=list(ids), pause=pause)


def abandon_sends(connection: Connection, run: Run, ids: Sequence[UUID]) -> None:
    """Take back intents of which nothing was handed over."""
    connection.execute(query("abandon_sends"), {"run": run.id, "ids": list(ids)})


def _goes_to_parts(connection: Connection, run: Run, intents: Sequence[Intent]) -> bool:
    """Whether intents are begun part by part: none is weighed against messages of other leads."""
    is_weighed = run.max_per_hour is not None or any(intent.guards for intent in intents)
    return not is_weighed and is_free(connection) and all(one.id in run.places for one in intents)


def _forget(run: Run, ids: Iterable[UUID]) -> None:
    for message_id in ids:
        run.places.pop(message_id, None)


def _begin(connection: Connection, run: Run, intents: Sequence[Intent]) -> Cursor[BeginResult]:
    form = _form(run, intents)
    return run_prepared(connection, form, rows_of(BeginResult), **_of_begin(run, intents))


def _form(run: Run, intents: Sequence[Intent]) -> str:
    return "begin_plain" if _are_plain(run, intents) else "begin_sends"


def _begin_over_nodes(
    connection: Connection, run: Run, intents: Sequence[Intent]
) -> list[BeginResult]:
    """Decide about all at once; then what begins is written lead by lead."""
    rows = {intent.id: Json(intent.row) for intent in intents}
    with connection.transaction():
        decided = fetch_rows(connection, "begin_share", _Decided, **_of_begin(run, intents))
        for one in decided:
            if one.begins:
                own = {"id": one.id, "lead_id": one.lead_id, "row": rows[one.id]}
                connection.execute(query("add_send"), {"run": run.id, "lease": run.lease, **own})
    return list(decided)


def _of_begin(run: Run, intents: Sequence[Intent]) -> dict[str, object]:
    rows = [{"number": number, **intent.row} for number, intent in enumerate(intents)]
    return {
        "run": run.id,
        "lease": run.lease,
        "now": run.now,
        "max_per_hour": run.max_per_hour,
        "intents": Json(rows),
    }


def _are_plain(run: Run, intents: Sequence[Intent]) -> bool:
    """Whether nothing is to be decided about these but whether their recipients are suppressed."""
    return run.max_per_hour is None and all(intent.is_plain for intent in intents)


def _record(connection: Connection, run: Run, results: Sequence[OutcomeRecord]) -> Cursor[UUID]:
    return run_prepared(connection, "record_outcomes", scalar_row, **_of_record(run, results))


def _of_record(run: Run, results: Sequence[OutcomeRecord]) -> dict[str, object]:
    rows = [
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
    return {"run": run.id, "now": run.now, "results": Json(rows)}


def _order(row: ClaimedMessage) -> tuple[bool, datetime | None, int]:
    return row.due_at is None, row.due_at, row.step_order or 0
