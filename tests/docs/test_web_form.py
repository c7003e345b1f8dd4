"""What README lets a public web form do is enough for it, and no more."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from flowctl import migrate
from tests.docs.readme import block
from tests.support.factories import a_step
from tests.support.postgres import Connection, Postgres, connect, own_postgres

LEAD = {"first_name": "Ada", "email": "ada@example.com", "phone": "+14155550123"}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of its own: the role would be seen by the others' tests."""
    with own_postgres(lambda owner: owner.execute("create role anon")) as running:
        yield running


@pytest.fixture
def form(server: Postgres) -> Iterator[Connection]:
    """A connection as the role of the form, to a database where README was followed."""
    with server.database(template="template0") as url, connect(url) as owner:
        owner.execute("grant usage on schema public to anon")
        migrate.apply(owner)
        owner.execute(block("3. The leads", "sql").encode())
        a_step(owner)
        owner.execute("set role anon")
        yield owner


def fill_in(form: Connection, **changes: object) -> None:
    """Insert a lead as the form does."""
    values: dict[str, Any] = {**LEAD, **changes}
    statement = sql.SQL("insert into leads ({}) values ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    form.execute(statement, list(values.values()))


def count(form: Connection, table: str) -> object:
    form.execute("reset role")
    row = form.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    "changes", [{}, {"phone": None}, {"first_name": None}, {"timezone": "Europe/Berlin"}]
)
def test_a_lead_is_added_and_scheduled(form: Connection, changes: dict[str, object]) -> None:
    fill_in(form, **changes)
    assert count(form, "message_logs") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "ada"},
        {"email": None},
        {"email": "ada@example.com\nBcc: eve@example.com"},
        {"email": "ada@" + "example." * 40 + "com"},
        {"phone": "4155550123"},
        {"first_name": "Win at https://example.net"},
        {"first_name": "A" * 61},
        {"timezone": "Europe/Berlin" + " " * 5_000_000},
    ],
)
def test_what_is_no_lead_is_refused(form: Connection, changes: dict[str, object]) -> None:
    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        fill_in(form, **changes)
    assert count(form, "leads") == 0


@pytest.mark.parametrize("column", ["id", "created_at", "status", "source", "last_name"])
def test_other_columns_are_out_of_reach(form: Connection, column: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        fill_in(form, **{column: None})


@pytest.mark.parametrize(
    "statement",
    [
        "select email from leads",
        "insert into leads (email) values ('a@example.com') returning id",
        "update leads set email = 'b@example.com'",
        "delete from leads",
        "select content from message_logs",
        "select key from flow_steps",
        "select schedule_messages_for_lead(gen_random_uuid())",
    ],
)
def test_the_form_does_nothing_else(form: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        form.execute(statement.encode())
