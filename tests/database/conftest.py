"""What several tests of the database share."""

from collections.abc import Iterator

import pytest

from flowctl import migrate
from tests.support.doctor import Examine, examined
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection, Postgres, connect, own_postgres
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


ROLES = b"""
create role app nosuperuser nocreaterole nocreatedb;
create role sales nosuperuser;
create role anon;
create role authenticated;
create role service_role;
create role back_office;
grant anon, authenticated, service_role to app;
"""

DATABASE = b"""
do $$ begin execute format('grant create on database %I to app', current_database()); end $$;
grant usage, create on schema public to app;
grant usage on schema public to anon, authenticated, service_role, sales;
set role app;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of its own: roles belong to a server, not to a database."""

    def prepare(connection: Connection) -> None:
        connection.execute(ROLES)
        connection.execute(DATABASE)
        migrate.apply(connection)

    with own_postgres(prepare) as postgres:
        yield postgres


@pytest.fixture
def owner(server: Postgres) -> Iterator[Connection]:
    """The owner's connection to a database with a step, a lead and its pending message."""
    with server.database() as url, connect(url) as connection:
        connection.execute("set role app")
        a_step(connection)
        a_lead(connection)
        yield connection


@pytest.fixture
def bare(server: Postgres) -> Iterator[Connection]:
    """A superuser's connection to a database without the schema."""
    with server.database(template="template0") as url, connect(url) as connection:
        connection.execute(DATABASE)
        connection.execute("reset role")
        yield connection


@pytest.fixture
def warnings(conn: Connection) -> list[str]:
    """What the trigger warns of, where it could not schedule."""
    said: list[str] = []
    conn.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    return said
