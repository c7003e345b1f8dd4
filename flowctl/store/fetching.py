"""Running a named query and taking its rows in the form that the caller wants."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from psycopg.rows import RowFactory, RowMaker, class_row, scalar_row

from flowctl.database import Connection, query

if TYPE_CHECKING:
    from psycopg._cursor_base import BaseCursor

_Row = TypeVar("_Row")


def fetch_rows(
    connection: Connection, statement: str | bytes, row_class: type[_Row], **values: object
) -> list[_Row]:
    """All rows of a query, each as a ``row_class``; the query is given by its name, or as text."""
    with connection.cursor(row_factory=rows_of(row_class)) as cursor:
        return cursor.execute(_text(statement), values).fetchall()


def rows_of(row_class: type[_Row]) -> RowFactory[_Row]:
    """As ``class_row``, which passes each value by its name: twice the work, which is spared where
    the columns are the fields in their order."""
    fields = list(row_class.__annotations__)

    def factory(cursor: "BaseCursor[Any, Any]") -> RowMaker[_Row]:
        if [column.name for column in cursor.description or ()] == fields:
            return lambda values: row_class(*values)
        return class_row(row_class)(cursor)

    return factory


def fetch_ids(connection: Connection, statement: str | bytes, **values: object) -> set[UUID]:
    """The ids that the query returns in its only column."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(_text(statement), values)
        return set(cursor.fetchall())


def fetch_value(connection: Connection, statement: str | bytes, **values: object) -> Any:  # noqa: ANN401  # whatever the query returns
    """The only column of the query's first row, null where there is no row."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_text(statement), values).fetchone()


@cache
def numbered(name: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with ``$1``, ``$2`` for its placeholders, and whose place each takes.

    psycopg would look for the placeholders of a long statement each time that it is run.
    """
    names: list[str] = []

    def number(found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            return b"%"
        if found[1].decode() not in names:
            names.append(found[1].decode())
        return b"$%d" % (names.index(found[1].decode()) + 1)

    return re.sub(rb"%\((\w+)\)s|%%", number, query(name)), tuple(names)


def _text(statement: str | bytes) -> bytes:
    return query(statement) if isinstance(statement, str) else statement
