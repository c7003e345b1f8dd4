"""What became of messages, written to them (``outcomes.sql``)."""

from collections.abc import Sequence
from datetime import timedelta
from operator import itemgetter
from uuid import UUID

from psycopg.rows import scalar_row
from psycopg.types.json import Json

from flowctl.database import Connection, query
from flowctl.model import Status
from flowctl.records import record
from flowctl.store.fetching import fetch_ids
from flowctl.store.parts import grouped, is_free
from flowctl.store.runs import Run
from flowctl.store.together import Statement, run_together


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


def record_outcomes(
    connection: Connection, run: Run, results: Sequence[OutcomeRecord]
) -> set[UUID]:
    """Write results and end their sends; returns the messages that took them."""
    if not is_free(connection):
        return _recorded(connection, run, results)
    recorded: set[UUID] = set()
    for part, own in grouped(results, run.places):
        if part is None:
            recorded |= _recorded(connection, run, own)
        else:
            statement, values = query("record_outcomes"), _of_record(run, own)
            taken = part.run(connection, "record_in_part", statement, scalar_row, **values)
            recorded.update(taken)
    run.forget(recorded)
    return recorded


def recording(run: Run, results: Sequence[OutcomeRecord]) -> Statement:
    """What :func:`record_outcomes` asks of one machine."""
    return Statement("record_outcomes", _of_record(run, results), itemgetter(0))


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


def _recorded(connection: Connection, run: Run, results: Sequence[OutcomeRecord]) -> set[UUID]:
    (recorded,) = run_together(connection, [recording(run, results)])
    return set(recorded)


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
