"""Each query of docs/crm.md does what it says for whom it names, and nothing for the others."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg.errors import InsufficientPrivilege

from flowctl import migrate
from tests.docs.readme import ROOT
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection, Postgres, connect, own_postgres

TEXT = (ROOT / "docs" / "crm.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sql\n-- ([a-z_, ]+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
PARAMETER = re.compile(r"(?<!:):([a-z]+)")

ROLES = b"""
create role anon;
create role authenticated;
create role service_role;
"""

STAFF = json.dumps({"app_metadata": {"flowctl": "staff"}})

CALLERS = {
    "owner": (None, ""),
    "service_role": ("service_role", ""),
    "staff": ("authenticated", STAFF),
    "visitor": ("authenticated", "{}"),
    "anon": ("anon", ""),
}
"""Who calls: the role, and the claims of the token."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of its own: the roles would be seen by the others' tests."""

    def prepare(connection: Connection) -> None:
        connection.execute(ROLES)
        connection.execute("grant usage on schema public to anon, authenticated, service_role")
        migrate.apply(connection)

    with own_postgres(prepare) as running:
        yield running


@pytest.fixture(scope="module")
def crm(server: Postgres) -> Iterator[tuple[Connection, dict[str, Any]]]:
    """The owner's connection, and parameters: a flow of two steps and a lead that has had one; a
    failed message and an address that opted out."""
    with server.database() as url, connect(url) as owner:
        a_step(owner)
        step = a_step(owner, type="text", day=1)
        lead = a_lead(owner)
        assert dispatch_once(url).totals.sent == 1
        a_lead(owner)
        owner.execute(
            "update message_logs set status = 'failed' where sent_at is null "
            "and message_type = 'email'"
        )
        owner.execute("insert into suppressions values ('email', 'gone@example.com')")
        row = owner.execute(
            "select id from message_logs where lead_id = %s and status = 'pending'", (lead,)
        ).fetchone()
        assert row is not None
        # a step of a flow that the lead is not in yet
        a_step(owner, subject="later")
        yield owner, {
            "flow": "default", "step": step, "lead": lead, "message": row[0],
            "address": "Ada@Example.com",
        }  # fmt: skip


@contextmanager
def acting(connection: Connection, caller: str) -> Iterator[Connection]:
    """Act as a caller, in a transaction that is undone."""
    role, claims = CALLERS[caller]
    with connection.transaction(force_rollback=True):
        connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        if role:
            connection.execute(f"set local role {role}".encode())
        yield connection


def test_there_are_queries_and_each_names_who_may_run_it() -> None:
    assert len(BLOCKS) == TEXT.count("```sql\n")
    assert {who for names, _ in BLOCKS for who in names.split(", ")} == {
        *("owner", "service_role", "staff"),
    }


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("names", "text"), BLOCKS, ids=lambda value: value.split("\n")[0])
def test_a_query_is_for_those_that_it_names(
    crm: tuple[Connection, dict[str, Any]], names: str, text: str, caller: str
) -> None:
    owner, parameters = crm
    statement = PARAMETER.sub(r"%(\1)s", text).encode()
    with acting(owner, caller) as connection:
        try:
            rows = connection.execute(statement, parameters).rowcount
        except InsufficientPrivilege:
            rows = 0
    assert (rows > 0) is (caller in names.split(", ")), rows
