"""Running a named query and taking its rows in the form that the caller wants."""

from typing import Any, TypeVar
from uuid import UUID

from psycopg.rows import class_row, scalar_row

from flowctl.database import Connection, query

_Row = TypeVar("_Row")


def fetch_rows(
    connection: Connection, name: str, row_class: type[_Row], **values: object
) -> list[_Row]:
    """All rows of the query, each as a ``row_class``."""
    with connection.cursor(row_factory=class_row(row_class)) as cursor:
        return cursor.execute(query(name), values).fetchall()


def fetch_ids(connection: Connection, name: str, **values: object) -> set[UUID]:
    """The ids that the query returns in its only column."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(query(name), values)
        return set(cursor.fetchall())


def fetch_value(connection: Connection, name: str, **values: object) -> Any:  # noqa: ANN401  # whatever the query returns
    """The only column of the query's first row, null where there is no row."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(query(name), values).fetchone()
