"""What the tests of the database's own reckoning share."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import Connection, Postgres, connect
from tests.support.zones import Zones


@pytest.fixture(scope="module")
def reckoner(postgres: Postgres) -> Iterator[Connection]:
    """A connection for tests that only compute; moments come back in UTC."""
    with postgres.database() as url, connect(url) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


@pytest.fixture(scope="module")
def zones(reckoner: Connection) -> Zones:
    """The server's zones."""
    return Zones(reckoner)
