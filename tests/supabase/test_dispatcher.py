"""The least-privilege role is made by ``postgres``, and dispatches what the API has set off."""

from collections.abc import Iterator

import pytest
from psycopg.errors import InsufficientPrivilege

from flowctl.database import sql_root
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_step, messages
from tests.support.postgres import Connection, connect
from tests.support.supabase import Caller, Project

ROLES = (sql_root() / "roles.sql").read_bytes()


@pytest.fixture
def owner(applied: Project) -> Iterator[Connection]:
    """The owner's connection to a project where the role was made, twice over."""
    with applied.connect() as connection:
        connection.execute(ROLES)
        connection.execute(ROLES)
        yield connection


def test_it_sends_what_the_service_has_added(applied: Project, owner: Connection) -> None:
    a_step(owner)
    with applied.call(Caller.SERVICE, commit=True) as service:
        service.execute("insert into leads (email) values ('ada@example.com')")
    assert dispatch_once(applied.url_for("flowctl_dispatcher")).totals.sent == 1
    assert messages(owner, "status", "recipient") == [("sent", "ada@example.com")]


def test_its_rights_are_gained_by_nobody_else(applied: Project, owner: Connection) -> None:
    members = owner.execute(
        "select rolname::text from pg_roles where rolname = any(%s) "
        "and pg_has_role(rolname, 'flowctl_dispatcher', 'usage')",
        (["anon", "authenticated", "service_role", "authenticator"],),
    ).fetchall()
    assert members == []
    for caller in Caller:
        with applied.call(caller) as request, pytest.raises(InsufficientPrivilege):
            request.execute("set local role flowctl_dispatcher")


def test_it_has_no_attribute_and_owns_nothing(applied: Project, owner: Connection) -> None:
    with connect(applied.url_for("flowctl_dispatcher")) as role:
        row = role.execute(
            "select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolinherit "
            "from pg_roles where rolname = current_user"
        ).fetchone()
        assert row == (False,) * 6
    owned = owner.execute(
        "select from pg_class where relowner = 'flowctl_dispatcher'::regrole"
    ).rowcount
    assert owned == 0
