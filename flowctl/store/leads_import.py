"""Importing leads (``leads_import.sql``): what the table has, and rows of a batch put into it.

The columns are the user's, so the statements that name them are composed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row, scalar_row

from flowctl.database import Connection, query
from flowctl.leadfile.columns import Column, Kind
from flowctl.model import Channel, JsonObject

Values = Sequence[str | None]
"""A row: the values of its columns as text, and last the zone of its times without an offset."""

_REFUSALS = (psycopg.DataError, psycopg.IntegrityError, errors.RaiseException)
"""What a row can be refused for by a type, a constraint or a trigger of the user's."""

_HAS_OFFSET = sql.SQL("right({cell}, 9) ~ '[+-][0-9][0-9]:[0-9][0-9]'")


@dataclass(frozen=True, slots=True)
class Scheduled:
    """How many messages of a channel were scheduled for a day."""

    day: date
    channel: Channel
    messages: int


@dataclass(slots=True)
class Inserted:
    """The ids of the leads that a batch became, and the rows that the database refused, by their
    index, with its words."""

    ids: list[Any] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


def refusal(connection: Connection, column: Column, value: str) -> str | None:
    """What is wrong with a value for a column, in the database's words; null where nothing is."""
    statement = sql.SQL("select %s::{}").format(sql.SQL(column.type))
    try:
        with connection.transaction():
            connection.execute(statement, (value,))
    except psycopg.DataError as error:
        return error.diag.message_primary or str(error)
    return None


def zones_of(connection: Connection, written: Iterable[str]) -> dict[str, str | None]:
    """The zone that each name means; null for one that nobody can read."""
    rows: list[Any] = connection.execute(
        query("import_zones"), {"written": list(written)}
    ).fetchall()
    return dict(rows)


def batches(connection: Connection) -> int:
    """How many batches were imported so far, by whatever import."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return int(str(cursor.execute(query("import_batches")).fetchone()))


def add_batch(connection: Connection) -> int:
    """Begin a batch, alone until the transaction ends; returns how many there are with it."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return int(str(cursor.execute(query("import_add_batch")).fetchone()))


def fallback_zone(connection: Connection) -> str:
    """The zone of leads that have none of their own."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return str(cursor.execute(query("import_fallback_zone")).fetchone())


def addresses(connection: Connection, names: Sequence[str]) -> Iterator[tuple[str | None, ...]]:
    """These columns of every lead, streamed: memory does not grow with the table."""
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL("copy (select {} from public.leads) to stdout").format(listed)
    with connection.cursor().copy(statement) as copy:
        for row in copy.rows():
            yield tuple(None if value is None else str(value) for value in row)


def suppress(connection: Connection, opt_outs: Iterable[tuple[Channel, str]], reason: str) -> int:
    """Suppress what is not suppressed yet; returns how many that were."""
    listed = sorted(set(opt_outs))
    if not listed:
        return 0
    with connection.cursor(row_factory=scalar_row) as cursor:
        values = {
            "channels": [channel for channel, _ in listed],
            "addresses": [address for _, address in listed],
            "reason": reason,
        }
        found: Any = cursor.execute(query("import_opt_outs"), values).fetchone()
    return int(found)


def insert_leads(
    connection: Connection, columns: Sequence[Column], rows: Sequence[Values]
) -> Inserted:
    """Insert leads in the running transaction. Where one is refused the others are put in all the
    same: the batch is halved until the refused stand alone."""
    statement = _insert_statement(columns)
    done = Inserted()
    _insert(connection, statement, rows, 0, done)
    return done


def scheduled(connection: Connection, ids: Sequence[object], zone: str) -> list[Scheduled]:
    """What these leads will be sent, by day of the zone."""
    rows: list[Any] = connection.execute(
        query("import_scheduled"), {"ids": list(ids), "zone": zone}
    ).fetchall()
    return [Scheduled(day, Channel(channel), int(messages)) for channel, day, messages in rows]


def examples(connection: Connection, ids: Sequence[object]) -> list[JsonObject]:
    """These leads as they are in the table, in their order."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = [row["row"] for row in cursor.execute(query("import_examples"), {"ids": list(ids)})]
    order: Mapping[str, int] = {str(identity): number for number, identity in enumerate(ids)}
    return sorted(found, key=lambda row: order[str(row["id"])])


def _insert(
    connection: Connection, statement: sql.Composed, rows: Sequence[Values], first: int,
    done: Inserted,
) -> None:  # fmt: skip
    if not rows:
        return
    document = json.dumps(rows, ensure_ascii=False)
    try:
        with connection.transaction(), connection.cursor(row_factory=scalar_row) as cursor:
            done.ids += cursor.execute(statement, (document,)).fetchall()
    except _REFUSALS as error:
        if len(rows) == 1:
            done.refused.append((first, error.diag.message_primary or str(error)))
            return
        half = len(rows) // 2
        _insert(connection, statement, rows[:half], first, done)
        _insert(connection, statement, rows[half:], first + half, done)


def _insert_statement(columns: Sequence[Column]) -> sql.Composed:
    """Rows come as one JSON list of lists; the value after the columns' is the zone."""
    zone = sql.SQL("(row ->> {})").format(sql.Literal(len(columns)))
    return sql.SQL(
        "insert into public.leads ({names}) select {values} "
        "from jsonb_array_elements(%s::jsonb) with ordinality as given (row, number) "
        "order by number returning id"
    ).format(
        names=sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        values=sql.SQL(", ").join(
            _value(column, sql.SQL("(row ->> {})").format(sql.Literal(number)), zone)
            for number, column in enumerate(columns)
        ),
    )


def _value(column: Column, cell: sql.Composed, zone: sql.Composed) -> sql.Composable:
    """The SQL of one value. An empty ``created_at``, or a column that must not be null, gets its
    default."""
    value = _typed(column, cell, zone)
    if column.default is not None and (column.is_required or column.name == "created_at"):
        return sql.SQL("coalesce({}, {})").format(value, sql.SQL(column.default))
    return value


def _typed(column: Column, cell: sql.Composed, zone: sql.Composed) -> sql.Composable:
    # never the column's own length: a cast cuts off what an assignment refuses
    type_ = sql.SQL(column.base_type)
    if column.kind is Kind.TEXT:
        return cell
    is_instant = column.kind is Kind.INSTANT or (
        column.kind is Kind.TIMESTAMP and column.name == "created_at"
    )
    if not is_instant:
        return sql.SQL("{}::{}").format(cell, type_)
    return sql.SQL(
        "(case when {has_offset} then {cell}::timestamptz "
        "else flowctl.instant_of({cell}::timestamp, {zone}) end)::{type}"
    ).format(has_offset=_HAS_OFFSET.format(cell=cell), cell=cell, zone=zone, type=type_)
