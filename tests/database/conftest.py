"""What several tests of the database share."""

from collections.abc import Iterator

import pytest

from tests.support.doctor import Examine, examined
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


@pytest.fixture
def doctor(database: str) -> Examine:
    """What the doctor finds in the test's database."""
    return lambda: examined(database)
