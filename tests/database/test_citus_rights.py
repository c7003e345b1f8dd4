"""Who may what on a Citus cluster: as on one machine (``test_rights``); run where TEST_CITUS_URL
names one, else skipped."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import CheckViolation, InsufficientPrivilege

from flowctl import migrate
from tests.database.acting import ANYTHING, FORGED, STAFF, TABLES, acting, as_is
from tests.database.test_rights import STAFF_MAY, STAFF_MAY_NOT
from tests.support.citus import Cluster
from tests.support.distributed import TEST_CITUS_URL
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection, connect

pytestmark = pytest.mark.skipif(TEST_CITUS_URL not in os.environ, reason=f"no {TEST_CITUS_URL}")

ROLES = ("anon", "authenticated", "service_role")

REACH_NODES = b"""
create function public.reach_nodes() returns void language plpgsql as $$
begin
  set local citus.propagate_set_commands = 'local';
  execute format(
    'set local request.jwt.claims = %L', coalesce(current_setting('request.jwt.claims', true), '')
  );
end $$;
"""
"""What docs/scale.md has a request begin with."""

RIGHTS = """
select jsonb_agg(distinct jsonb_build_array(
  relnamespace::regnamespace, regexp_replace(relname, '_[0-9]+$', ''), relrowsecurity,
  (select array_agg(polname order by polname) from pg_policy where polrelid = pg_class.oid)
))
from pg_class
where relkind = 'r' and relnamespace in ('public'::regnamespace, 'flowctl'::regnamespace)
"""


@pytest.fixture(scope="module")
def cluster_owner(postgres: Cluster) -> Iterator[Connection]:
    """The owner's connection to a filled database, which was distributed when the roles of the API
    existed; a test undoes what it does."""
    with postgres.database(schema=False) as url, connect(url) as connection:
        known = {row[0] for row in connection.execute("select rolname from pg_roles")}
        made = [sql.Identifier(role) for role in ROLES if role not in known]
        for role in made:
            connection.execute(sql.SQL("create role {} login").format(role))
        try:
            connection.execute(REACH_NODES)
            migrate.apply(connection)
            a_step(connection)
            a_lead(connection)
            assert migrate.apply(connection, distributes=True) == ["citus", "security"]
            yield connection
        finally:
            for role in made:
                connection.execute(sql.SQL("drop owned by {}").format(role))
                connection.execute(sql.SQL("drop role {}").format(role))


@contextmanager
def reaching(connection: Connection, role: str, claims: dict[str, Any] | None) -> Iterator[None]:
    """As ``acting``, with claims that reach the nodes."""
    with acting(connection, role, claims):
        connection.execute("select public.reach_nodes()")
        yield


@pytest.mark.parametrize("statement", ANYTHING)
def test_anon_gets_nothing(cluster_owner: Connection, statement: str) -> None:
    with acting(cluster_owner, "anon"), pytest.raises(InsufficientPrivilege):
        cluster_owner.execute(as_is(statement))


@pytest.mark.parametrize("statement", STAFF_MAY)
def test_staff_may_read_and_change_steps(cluster_owner: Connection, statement: str) -> None:
    rows = 0 if "suppressions" in statement else 1
    with reaching(cluster_owner, "authenticated", STAFF):
        assert cluster_owner.execute(as_is(statement)).rowcount == rows


@pytest.mark.parametrize("statement", STAFF_MAY_NOT)
def test_staff_may_nothing_else(cluster_owner: Connection, statement: str) -> None:
    with reaching(cluster_owner, "authenticated", STAFF), pytest.raises(InsufficientPrivilege):
        cluster_owner.execute(as_is(statement))


@pytest.mark.parametrize(
    "change", ["update flow_steps set content = 'x'", "delete from flow_steps", STAFF_MAY[4]]
)
def test_no_node_changes_what_another_would_not(cluster_owner: Connection, change: str) -> None:
    """Where the claims did not reach the nodes."""
    with acting(cluster_owner, "authenticated", STAFF), pytest.raises(psycopg.Error):
        cluster_owner.execute(as_is(change))


@pytest.mark.parametrize("claims", FORGED[1:], ids=json.dumps)
def test_other_users_see_and_change_no_row(
    cluster_owner: Connection, claims: dict[str, Any] | None
) -> None:
    for statement in (
        *(f"select from {table}" for table in TABLES),
        "update flow_steps set content = 'x'",
        "delete from flow_steps",
    ):
        with reaching(cluster_owner, "authenticated", claims):
            assert cluster_owner.execute(as_is(statement)).rowcount == 0, statement
    with (
        reaching(cluster_owner, "authenticated", claims),
        pytest.raises(InsufficientPrivilege, match="row-level security"),
    ):
        cluster_owner.execute("insert into flows (name) values ('new')")


@pytest.mark.parametrize(
    ("role", "claims", "rows"),
    [
        ("service_role", None, 1),
        ("authenticated", STAFF, 1),
        *(("authenticated", claims, 0) for claims in FORGED),
    ],
)
def test_a_leads_schedule_is_for_those_who_may_read_messages(
    cluster_owner: Connection, role: str, claims: dict[str, Any] | None, rows: int
) -> None:
    ((lead,),) = messages(cluster_owner, "lead_id")
    with acting(cluster_owner, role, claims):
        asked = cluster_owner.execute("select from message_schedule(%s)", (lead,))
        assert asked.rowcount == rows


@pytest.mark.parametrize(
    "statement",
    [
        "select from leads",
        "select from message_logs",
        "insert into leads (email) values ('new@example.com')",
        "update leads set email = 'x@example.com'",
        "delete from leads",
        "insert into flows (name) values ('new')",
        "update flow_steps set content = 'x'",
        "delete from flow_steps",
        "insert into suppressions values ('email', 'a@example.com')",
        "update message_logs set status = 'cancelled'",
        "delete from message_logs",
        "select schedule_messages_for_lead('{lead}')",
        "select enroll_lead('{lead}', 'default')",
        "select unsubscribe('{message}')",
    ],
)
def test_service_role_may_do_all(cluster_owner: Connection, statement: str) -> None:
    ((lead, message),) = messages(cluster_owner, "lead_id", "id")
    with acting(cluster_owner, "service_role"):
        asked = cluster_owner.execute(as_is(statement.format(lead=lead, message=message)))
        assert asked.rowcount == 1


def test_a_lead_of_service_role_is_scheduled(cluster_owner: Connection) -> None:
    with acting(cluster_owner, "service_role"):
        cluster_owner.execute("insert into leads (email) values ('new@example.com')")
        assert messages(cluster_owner, "status") == [("pending",)] * 2


@pytest.mark.parametrize(
    "change",
    [
        "update message_logs set status = 'pending'",
        "update message_logs set content = 'x'",
        "update message_logs set recipient = 'x'",
        "update message_logs set flow_step_id = null",
        "delete from message_logs",
    ],
)
def test_what_was_sent_is_history_for_service_role(cluster_owner: Connection, change: str) -> None:
    with acting(cluster_owner, "service_role"):
        cluster_owner.execute("update message_logs set status = 'sent', sent_at = now()")
        with pytest.raises(CheckViolation, match="was sent"):
            cluster_owner.execute(as_is(change))


def test_every_part_has_the_rights_of_its_table(cluster_owner: Connection) -> None:
    (here,) = cluster_owner.execute(RIGHTS.encode()).fetchone() or ()
    assert {has_security for _, _, has_security, _ in here} == {True}
    nodes = cluster_owner.execute(
        "select success, result::jsonb from run_command_on_all_nodes(%s)", (RIGHTS,)
    ).fetchall()
    assert len(nodes) > 1
    for success, there in nodes:
        assert success
        assert [one for one in there if one not in here] == []
