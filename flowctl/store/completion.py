"""Names that the shell completes (``completion.sql``)."""

from psycopg.rows import scalar_row

from flowctl.database import Connection, query

TIME_LIMIT = "set local statement_timeout = '1s'"
"""Nobody waits longer for a completion."""


def flows_beginning(connection: Connection, start: str) -> list[str]:
    """The names of flows that begin so."""
    return _names(connection, "flows_beginning", start)


def steps_beginning(connection: Connection, start: str) -> list[str]:
    """The keys of steps that begin so; ``flow/key`` where ``start`` has a slash."""
    return _names(connection, "steps_beginning", start)


def _names(connection: Connection, name: str, start: str) -> list[str]:
    with connection.transaction(), connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(TIME_LIMIT)
        return list(cursor.execute(query(name), {"start": start}).fetchall())
