"""What is about to be handed over: begun, in one transaction with what became of others, or taken
back (``sends.sql``)."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from uuid import UUID

from psycopg.types.json import Json

from flowctl.database import Connection, query
from flowctl.store.fetching import fetch_rows, rows_of
from flowctl.store.intents import BeginResult, Intent
from flowctl.store.nodes import is_distributed, text_of
from flowctl.store.outcomes import OutcomeRecord, record_outcomes, recording
from flowctl.store.parts import grouped, is_free
from flowctl.store.runs import Run
from flowctl.store.together import Statement, run_together


def lock_guarded(connection: Connection, run: Run, intents: Sequence[Intent]) -> None:
    """Keep other dispatchers from deciding about the same gaps, addresses and limit until the end
    of the transaction."""
    if names := _guards(run, intents):
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
    statements = [] if _are_plain(run, intents) else [Statement("plan_once", {})]
    if names := _guards(run, intents):
        statements.append(Statement("lock_guarded", {"names": names}))
    if results:
        statements.append(recording(run, results))
    *before, begun = run_together(connection, [*statements, _beginning(run, intents)], meanwhile)
    return set(before[-1]) if results else set(), begun


def begin_sends(connection: Connection, run: Run, intents: Sequence[Intent]) -> list[BeginResult]:
    """Write the intent to send; only what comes back begun may be handed over, after the commit.

    A message missing from the answer is no longer this run's.
    """
    if not is_distributed(connection):
        return run_together(connection, [_beginning(run, intents)])[0]
    if not _goes_to_parts(connection, run, intents):
        return _begin_over_nodes(connection, run, intents)
    begun: list[BeginResult] = []
    for part, own in grouped(intents, run.places):
        if part is not None:
            form, values = query(_form(run, own)), _of_begin(run, own)
            begun += part.run(connection, "begin_in_part", form, rows_of(BeginResult), **values)
    return begun


def abandon_sends(connection: Connection, run: Run, ids: Sequence[UUID]) -> None:
    """Take back intents of which nothing was handed over."""
    connection.execute(query("abandon_sends"), {"run": run.id, "ids": list(ids)})


def _goes_to_parts(connection: Connection, run: Run, intents: Sequence[Intent]) -> bool:
    """Whether intents are begun part by part: none is weighed against messages of other leads."""
    is_weighed = run.max_per_hour is not None or any(intent.guards for intent in intents)
    return not is_weighed and is_free(connection) and all(one.id in run.places for one in intents)


def _guards(run: Run, intents: Sequence[Intent]) -> list[str]:
    """What no other dispatcher may decide about meanwhile."""
    names = [name for intent in intents for name in intent.guards]
    return names if run.max_per_hour is None else [*names, "hourly limit"]


def _beginning(run: Run, intents: Sequence[Intent]) -> Statement:
    return Statement(
        _form(run, intents), _of_begin(run, intents), lambda values: BeginResult(*values)
    )


def _form(run: Run, intents: Sequence[Intent]) -> str:
    return "begin_plain" if _are_plain(run, intents) else "begin_sends"


def _begin_over_nodes(
    connection: Connection, run: Run, intents: Sequence[Intent]
) -> list[BeginResult]:
    with connection.transaction():
        ids = [intent.id for intent in intents]
        connection.execute(text_of(connection, "lock_messages"), {"ids": ids})
        statement = text_of(connection, "begin_sends")
        return fetch_rows(connection, statement, BeginResult, **_of_begin(run, intents))


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
