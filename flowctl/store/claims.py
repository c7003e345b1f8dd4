"""What a dispatcher has hold of: claim, renew, release (``claims.sql``)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel
from flowctl.store.fetching import fetch_ids, rows_of
from flowctl.store.intents import ClaimedMessage
from flowctl.store.nodes import text_of
from flowctl.store.parts import Part, is_free, parts_of, share_of
from flowctl.store.runs import Run


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

    ``low`` is a mark below which nothing is due any more: it spares the walk over dead entries. The
    statement is planned each time: one plan for all takes five times as long while an old snapshot
    keeps dead rows, or when everybody is due at one moment.
    """
    values = {"run": run.id, "lease": run.lease, "now": run.now, "channel": channel}
    rows: list[ClaimedMessage] = []
    left = batch_size
    for part, share in parts_of(connection, run.slot):
        mark = low if part.is_whole else None
        values |= {"batch_size": left, "low": mark, **share_of(share)}
        found = part.run(
            connection, "claim_in_part", query("claim_due"), rows_of(ClaimedMessage), **values
        )
        run.keep(part, (row.id for row in found if row.cancelled is None))
        left -= sum(row.due_at is not None and not row.is_pulled for row in found)
        rows += found
        if left <= 0:
            break
    return sorted(rows, key=_order)


def renew_leases(connection: Connection, run: Run, ids: Sequence[UUID]) -> None:
    """Have what this run still holds of these, begun or not, last for another lease from now."""
    for part, own in _by_part(connection, run, ids):
        values = {"run": run.id, "lease": run.lease, "ids": own}
        if part is None:
            connection.execute(text_of(connection, "renew_leases"), values)
        else:
            part.run(connection, "record_in_part", query("renew_leases"), scalar_row, **values)


def release_claims(
    connection: Connection, run: Run, ids: Sequence[UUID], *, pause: timedelta | None = None
) -> set[UUID]:
    """Give back messages that were not begun, due again at once or after ``pause``."""
    released: set[UUID] = set()
    for part, own in _by_part(connection, run, ids):
        values = {"run": run.id, "ids": own, "pause": pause}
        if part is None:
            released |= fetch_ids(connection, "release_claims", **values)
        else:
            text = query("release_claims")
            released.update(part.run(connection, "record_in_part", text, scalar_row, **values))
    run.forget(ids)
    return released


def _by_part(
    connection: Connection, run: Run, ids: Sequence[UUID]
) -> list[tuple[Part | None, list[UUID]]]:
    """Messages by the part that these are in; null for those over all of whose tables a statement
    goes: on one machine, in a transaction, or where that part is not known."""
    if not is_free(connection):
        return [(None, list(ids))]
    found: dict[int | None, tuple[Part | None, list[UUID]]] = {}
    for message_id in ids:
        part = run.places.get(message_id)
        number = None if part is None else part.number
        found.setdefault(number, (part, []))[1].append(message_id)
    return list(found.values())


def _order(row: ClaimedMessage) -> tuple[bool, datetime | None, int]:
    return row.due_at is None, row.due_at, row.step_order or 0
