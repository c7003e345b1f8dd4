"""Who may what on a plain server, where the owner is no superuser and the API's roles exist."""

import json
from typing import Any

import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege

from flowctl import migrate
from flowctl.errors import DatabaseUnavailable
from tests.database.acting import ANYTHING, FORGED, STAFF, TABLES, acting, as_is
from tests.support.factories import a_lead, messages
from tests.support.postgres import Connection


def test_the_schema_is_the_owners_who_is_no_superuser(owner: Connection) -> None:
    owners = owner.execute(
        "select distinct relowner::regrole::text from pg_class where relkind in ('r', 'i', 'c') "
        "and relnamespace in ('public'::regnamespace, 'flowctl'::regnamespace)"
    ).fetchall()
    assert owners == [("app",)]
    assert migrate.pending(owner) == []


@pytest.mark.parametrize("statement", ANYTHING)
def test_anon_gets_nothing(owner: Connection, statement: str) -> None:
    with acting(owner, "anon"), pytest.raises(InsufficientPrivilege):
        owner.execute(as_is(statement))


STAFF_MAY = [
    *(f"select from {table}" for table in TABLES),
    "insert into flows (name) values ('new')",
    "update flows set timezone = 'Europe/Rome'",
    "insert into flow_steps (type, content) values ('text', 'x')",
    "update flow_steps set day = 3, time_type = 'specific', time = '9 am'",
    "delete from flow_steps",
]


@pytest.mark.parametrize("statement", STAFF_MAY)
def test_staff_may_read_and_change_steps(owner: Connection, statement: str) -> None:
    with acting(owner, "authenticated", STAFF):
        assert owner.execute(as_is(statement)).rowcount == (0 if "suppressions" in statement else 1)


STAFF_MAY_NOT = [
    statement
    for statement in ANYTHING
    if statement not in {*STAFF_MAY, "delete from flows", "update flow_steps set content = 'x'"}
]


@pytest.mark.parametrize("statement", STAFF_MAY_NOT)
def test_staff_may_nothing_else(owner: Connection, statement: str) -> None:
    with acting(owner, "authenticated", STAFF), pytest.raises(InsufficientPrivilege):
        owner.execute(as_is(statement))


def test_a_step_that_staff_deletes_cancels_its_messages(owner: Connection) -> None:
    with acting(owner, "authenticated", STAFF):
        owner.execute("delete from flow_steps")
        assert messages(owner, "status", "error_message") == [("cancelled", "step was deleted")]


@pytest.mark.parametrize("claims", FORGED, ids=json.dumps)
def test_other_users_see_no_row(owner: Connection, claims: dict[str, Any] | None) -> None:
    with acting(owner, "authenticated", claims):
        for table in TABLES:
            assert owner.execute(as_is(f"select from {table}")).rowcount == 0
        for change in ("update flow_steps set content = 'x'", "delete from flow_steps"):
            assert owner.execute(as_is(change)).rowcount == 0


@pytest.mark.parametrize("claims", FORGED, ids=json.dumps)
@pytest.mark.parametrize(
    "insert",
    [
        "insert into flow_steps (type, content) values ('text', 'x')",
        "insert into flows (name) values ('new')",
    ],
)
def test_other_users_add_no_row(
    owner: Connection, claims: dict[str, Any] | None, insert: str
) -> None:
    with (
        acting(owner, "authenticated", claims),
        pytest.raises(InsufficientPrivilege, match="row-level security"),
    ):
        owner.execute(as_is(insert))


def test_staff_only_read_messages_and_suppressions(owner: Connection) -> None:
    """By the policies as well as by the grants: either alone would do."""
    commands = owner.execute(
        "select polrelid::regclass::text, polcmd::text from pg_policy"
        " where polname = 'flowctl_staff' and polcmd <> '*' order by 1"
    ).fetchall()
    assert commands == [("message_logs", "r"), ("suppressions", "r")]
    for table, _ in commands:
        assert owner.execute(
            "select has_table_privilege('authenticated', %s, 'insert,update,delete,truncate')",
            (table,),
        ).fetchone() == (False,)


def test_what_was_granted_inside_is_taken_back(owner: Connection) -> None:
    owner.execute(
        "grant usage on schema flowctl to anon;"
        "grant select on all tables in schema flowctl to anon;"
        "grant execute on all functions in schema flowctl to anon;"
        "grant execute on function auto_schedule_messages() to anon"
    )
    owner.execute("update flowctl.routines set checksum = '' where name = 'security'")
    assert migrate.apply(owner) == ["security"]
    left = owner.execute(
        "select nspname::text from pg_namespace, aclexplode(nspacl) as granted"
        " where nspname = 'flowctl' and grantee = 'anon'::regrole"
        " union all select relname::text from pg_class, aclexplode(relacl) as granted"
        " where relnamespace = 'flowctl'::regnamespace and grantee = 'anon'::regrole"
        " union all select proname::text from pg_proc, aclexplode(proacl) as granted"
        " where (pronamespace = 'flowctl'::regnamespace or proname = 'auto_schedule_messages')"
        " and grantee = 'anon'::regrole"
    ).fetchall()
    assert left == []


def test_a_history_that_policies_hide_is_not_taken_for_an_old_one(owner: Connection) -> None:
    owner.execute("grant usage on schema flowctl to authenticated")
    owner.execute("grant select on all tables in schema flowctl to authenticated")
    with (
        acting(owner, "authenticated"),
        pytest.raises(DatabaseUnavailable, match="row-level security hides the tables"),
    ):
        migrate.require_schema(owner)


SCHEDULE = "select from message_schedule(%s)"


@pytest.mark.parametrize(
    ("role", "claims", "rows"),
    [
        ("app", None, 1),
        ("service_role", None, 1),
        ("authenticated", STAFF, 1),
        *(("authenticated", claims, 0) for claims in FORGED),
    ],
)
def test_a_leads_schedule_is_for_those_who_may_read_messages(
    owner: Connection, role: str, claims: dict[str, Any] | None, rows: int
) -> None:
    ((lead,),) = messages(owner, "lead_id")
    with acting(owner, role, claims):
        assert owner.execute(SCHEDULE, (lead,)).rowcount == rows


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ("using (true)", 1),
        ("using (message_type = 'email')", 0),
        ("using (false)", 0),
        (None, 0),
    ],
)
def test_a_role_that_the_owner_lets_in_sees_the_schedule_if_it_may_read_all(
    owner: Connection, rule: str | None, rows: int
) -> None:
    ((lead,),) = messages(owner, "lead_id")
    owner.execute("grant execute on function message_schedule to back_office")
    if rule:
        owner.execute("grant select on message_logs to back_office")
        owner.execute(as_is(f"create policy office on message_logs to back_office {rule}"))
    owner.execute("reset role")
    with acting(owner, "back_office", STAFF):
        assert owner.execute(SCHEDULE, (lead,)).rowcount == rows


def test_a_policy_that_restricts_staff_takes_the_schedule_away(owner: Connection) -> None:
    ((lead,),) = messages(owner, "lead_id")
    owner.execute(
        "create policy fewer on message_logs as restrictive for select to authenticated "
        "using (message_type = 'text')"
    )
    with acting(owner, "authenticated", STAFF):
        assert owner.execute(SCHEDULE, (lead,)).rowcount == 0


def test_service_role_may_do_all_but_rewrite_what_was_sent(owner: Connection) -> None:
    a_lead(owner)
    owner.execute(
        "update message_logs set status = 'sent', sent_at = now() "
        "where id = (select id from message_logs limit 1)"
    )
    with acting(owner, "service_role"):
        for statement in (
            "update message_logs set delivery_status = 'delivered' where status = 'sent'",
            "update message_logs set status = 'cancelled' where status = 'pending'",
            "delete from message_logs where status = 'cancelled'",
            "insert into leads (email) values ('new@example.com')",
            "insert into suppressions values ('email', 'a@example.com')",
            "delete from suppressions",
            "update flow_steps set content = 'x'",
            "select schedule_messages_for_lead(id) from leads limit 1",
            "select enroll_lead(id, 'default') from leads limit 1",
            "select from leads cross join message_schedule(leads.id) limit 1",
            "select unsubscribe(id) from message_logs where status = 'sent'",
        ):
            assert owner.execute(as_is(statement)).rowcount == 1, statement


@pytest.mark.parametrize(
    "change",
    [
        "update message_logs set status = 'pending'",
        "update message_logs set sent_at = null",
        "update message_logs set content = 'x'",
        "update message_logs set subject = null",
        "update message_logs set recipient = 'x'",
        "update message_logs set provider_id = 'x'",
        "update message_logs set flow_step_id = null",
        "update message_logs set attempts = 9",
        "delete from message_logs",
    ],
)
def test_what_was_sent_is_history_for_service_role(owner: Connection, change: str) -> None:
    owner.execute("update message_logs set status = 'sent', sent_at = now()")
    with acting(owner, "service_role"), pytest.raises(CheckViolation, match="was sent"):
        owner.execute(as_is(change))
    with acting(owner, "service_role"):
        owner.execute("delete from leads")
        owner.execute("reset role")
        assert messages(owner, "id") == [], "erasing a lead erases what it was sent"


def test_no_function_of_ours_is_for_everybody(conn: Connection) -> None:
    open_to_all = conn.execute(
        """
        select p.oid::regprocedure::text
        from pg_proc as p
        cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as acl
        where p.pronamespace in ('public'::regnamespace, 'flowctl'::regnamespace)
          and acl.grantee = 0
        """
    ).fetchall()
    assert open_to_all == []
