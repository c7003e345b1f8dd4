"""Acting as a role of the API, with the claims of a user."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import sql

from tests.support.postgres import Connection

STAFF = {"role": "authenticated", "app_metadata": {"flowctl": "staff"}}

FORGED: list[dict[str, Any] | None] = [
    None,
    {},
    {"flowctl": "staff"},
    {"user_metadata": {"flowctl": "staff"}},
    {"app_metadata": {"flowctl": "Staff"}},
    {"app_metadata": {"flowctl": ["staff"]}},
    {"app_metadata": {"flowctl": {"staff": True}}},
    {"app_metadata": "staff"},
    {"app_metadata": None},
    {"role": "service_role", "app_metadata": {"role": "staff"}},
]

TABLES = ("flows", "flow_steps", "message_logs", "suppressions")


@contextmanager
def acting(
    connection: Connection, role: str, claims: dict[str, Any] | None = None
) -> Iterator[Connection]:
    """Act in a role, with the claims of a token, in a transaction that is undone."""
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        if claims is not None:
            connection.execute(
                "select set_config('request.jwt.claims', %s, true)", (json.dumps(claims),)
            )
        yield connection


def as_is(text: str) -> sql.SQL:
    """A statement of this module."""
    return sql.SQL(text)


ANYTHING = [
    *(f"select from {table}" for table in (*TABLES, "leads")),
    *(f"delete from {table}" for table in (*TABLES, "leads")),  # noqa: S608 - names of ours
    *(f"truncate {table} cascade" for table in (*TABLES, "leads")),
    "insert into leads default values",
    "update leads set email = 'x'",
    "insert into flow_steps (type, content) values ('text', 'x')",
    "insert into suppressions values ('email', 'a@example.com')",
    "update message_logs set status = 'cancelled'",
    "update flow_steps set content = 'x'",
    "create trigger x after insert on leads execute function auto_schedule_messages()",
    "create table x (n int references flow_steps (id))",
    "select schedule_messages_for_lead(gen_random_uuid())",
    "select enroll_lead(gen_random_uuid(), 'default')",
    "select unsubscribe(gen_random_uuid())",
    "select flowctl.schedule_leads(array[gen_random_uuid()])",
    "select flowctl.time_of_day('9 am')",
    "select from flowctl.migrations",
    "select from flowctl.sends",
    "create table flowctl.x (n int)",
]
