"""Dispatching is tested as the owner, under the role that may do nothing else, and through a pooler
in transaction mode where one is installed."""

from collections.abc import Iterator

import pytest

from flowctl.database import sql_root
from tests.support.factories import a_flow
from tests.support.pooler import PGBOUNCER, url_through
from tests.support.postgres import Connection, Postgres, connect

AS_DISPATCHER = "&options=-crole%3Dflowctl_dispatcher"


WAYS = ["owner", "dispatcher"] + (["pooler"] if PGBOUNCER else [])


@pytest.fixture(params=WAYS)
def database(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[str]:
    """The URL a dispatcher connects with."""
    with postgres.database() as url:
        if request.param == "owner":
            yield url
            return
        if request.param == "pooler":
            yield url_through(request.getfixturevalue("pooled"), url)
            return
        roles = (sql_root() / "roles.sql").read_text("utf-8")
        with connect(url) as connection:
            connection.execute(roles.encode())
            connection.execute(roles.encode())
        yield url + AS_DISPATCHER


@pytest.fixture(params=[None, "4 hours"], ids=["begin_plain", "begin_sends"])
def either_begin(request: pytest.FixtureRequest, conn: Connection) -> None:
    """A flow that guards nothing, or something: each has its own statement that begins messages."""
    a_flow(conn, min_gap=request.param)
