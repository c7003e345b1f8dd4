"""Flows, steps, leads and messages as tests need them, written the way a CRM writes them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from tests.support.postgres import Connection

WELCOME = "Hello {{ first_name | default: 'friend' }}"


def a_flow(conn: Connection, name: str = "default", **settings: object) -> str:
    """A flow with these settings, made or changed."""
    conn.execute("insert into flows (name) values (%s) on conflict do nothing", (name,))
    for column, value in settings.items():
        conn.execute(
            sql.SQL("update flows set {} = %s where name = %s").format(sql.Identifier(column)),
            (Jsonb(value) if isinstance(value, dict) else value, name),
        )
    return name


def a_step(conn: Connection, **columns: object) -> UUID:
    """A step; an email that goes out at once unless told otherwise."""
    values: dict[str, object] = {"type": "email", "content": WELCOME, **columns}
    if values["type"] == "email":
        values.setdefault("subject", "Welcome")
    return _inserted(conn, "flow_steps", values)


def a_lead(conn: Connection, **columns: object) -> UUID:
    """A lead with both addresses, scheduled by the trigger as it is inserted."""
    values = {
        "first_name": "Ada",
        "email": "ada@example.com",
        "phone": "+14155550123",
        "timezone": "UTC",
        **columns,
    }
    return _inserted(conn, "leads", values)


def messages(conn: Connection, *columns: str) -> list[tuple[Any, ...]]:
    """These columns of every message, in the order of their time and step."""
    names = sql.SQL(", ").join(sql.Identifier("m", column) for column in columns)
    statement = sql.SQL(
        "select {} from message_logs m left join flow_steps s on s.id = m.flow_step_id "
        "order by m.scheduled_for, s.flow, s.step_order, m.created_at, m.id"
    )
    return conn.execute(statement.format(names)).fetchall()


def a_timed_step(
    conn: Connection, subject: str, day: int, at: str | None = None, **columns: object
) -> UUID:
    """An email on a day, at a time or at once."""
    kind = "immediately" if at is None else "specific"
    return a_step(conn, subject=subject, day=day, time=at, time_type=kind, **columns)


def count(conn: Connection, table: str = "message_logs") -> int:
    """How many rows a table has."""
    row = conn.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


def database_now(conn: Connection) -> datetime:
    """The database's clock."""
    row = conn.execute("select now()").fetchone()
    assert row is not None
    assert isinstance(row[0], datetime)
    return row[0]


def _inserted(conn: Connection, table: str, values: dict[str, object]) -> UUID:
    statement = sql.SQL("insert into {} ({}) values ({}) returning id").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    row = conn.execute(statement, list(values.values())).fetchone()
    assert row is not None
    identity = row[0]
    assert isinstance(identity, UUID)
    return identity
