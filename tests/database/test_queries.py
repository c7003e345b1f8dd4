"""Every named query fits the schema, whatever its parameters are."""

import re

import pytest

from flowctl.database import query, query_names, sql_root, with_rows
from flowctl.scripts import significant, statements
from tests.support.postgres import Connection

PLACEHOLDER = re.compile(rb"%\((\w+)\)s")

WHOLE = {"claim_chosen": "claim_due", "begin_weighed": "begin_sends"}
"""What a part of a query is part of."""


OF_PARTS = re.compile(r"create or replace function flowctl\.(parts|in_part)\(")
"""What only a database with distributed tables has."""


def add_functions_of_parts(conn: Connection) -> None:
    for statement in statements((sql_root() / "citus.sql").read_text("utf-8")):
        if OF_PARTS.match(significant(statement)):
            conn.execute(statement.encode())


@pytest.mark.parametrize("name", query_names())
def test_a_query_is_planned_with_null_parameters(name: str, conn: Connection) -> None:
    statement = query(WHOLE.get(name, name))
    if name == "show_chosen":
        statement = with_rows("chosen", query("list_messages"), statement)
    parameters = {match.decode(): None for match in PLACEHOLDER.findall(statement)}
    with conn.transaction(force_rollback=True):
        add_functions_of_parts(conn)
        if statement.startswith(b"lock "):
            conn.execute(statement)
        else:
            conn.execute(b"explain " + statement, parameters)


def test_there_are_queries() -> None:
    assert len(query_names()) > len({"claim_due", "begin_sends", "record_outcomes"})
