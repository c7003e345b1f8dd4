"""Dispatching is tested twice: as the owner, and under the role that may do nothing else."""

from collections.abc import Iterator

import pytest

from flowctl.database import sql_root
from tests.support.postgres import Connection, Postgres, connect

AS_DISPATCHER = "&options=-crole%3Dflowctl_dispatcher"


@pytest.fixture(params=["owner", "dispatcher"])
def database(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[str]:
    """The URL a dispatcher connects with."""
    with postgres.database() as url:
        if request.param == "owner":
            yield url
            return
        roles = (sql_root() / "roles.sql").read_text("utf-8")
        with connect(url) as connection:
            connection.execute(roles.encode())
            connection.execute(roles.encode())
        yield url + AS_DISPATCHER


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    """The owner's connection, as the CRM's would be."""
    with connect(database.removesuffix(AS_DISPATCHER)) as connection:
        yield connection
