"""Every named query fits the schema, whatever its parameters are."""

import re

import pytest

from flowctl.database import query, query_names
from flowctl.store.fetching import with_rows
from tests.support.postgres import Connection

PLACEHOLDER = re.compile(rb"%\((\w+)\)s")


@pytest.mark.parametrize("name", query_names())
def test_a_query_is_planned_with_null_parameters(name: str, conn: Connection) -> None:
    statement = query(name)
    if name == "claim_chosen":
        statement = with_rows("chosen", query("choose_share"), statement)
    elif name == "show_chosen":
        statement = with_rows("chosen", query("list_messages"), statement)
    parameters = {match.decode(): None for match in PLACEHOLDER.findall(statement)}
    with conn.transaction(force_rollback=True):
        if statement.startswith(b"lock "):
            conn.execute(statement)
        else:
            conn.execute(b"explain " + statement, parameters)


def test_there_are_queries() -> None:
    assert len(query_names()) > len({"claim_due", "begin_sends", "record_outcomes"})
