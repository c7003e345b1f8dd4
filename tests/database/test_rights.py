"""Who may what on a plain server, where the owner is no superuser and the API's roles exist."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg import sql
from psycopg.errors import CheckViolation, InsufficientPrivilege

from flowctl import migrate
from flowctl.database import translated
from flowctl.errors import DatabaseUnavailable, InputError
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection, Postgres, connect, own_postgres

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

LEADS_OF_SALES = b"""
create table leads (id uuid primary key default gen_random_uuid(),
  created_at timestamptz default now(), email text);
alter table leads owner to sales;
alter table leads enable row level security;
create policy everybody on leads to sales using (true) with check (true);
"""

STAFF = {"role": "authenticated", "app_metadata": {"flowctl": "staff"}}

FORGED: list[dict[str, Any] | None] = [
    None,
    {},
    {"flowctl": "staff"},
    {"user_metadata": {"flowctl": "staff"}},
    {"app_metadata": {"flowctl": "Staff"}},
    {"app_metadata": {"flowctl": ["staff"]}},
    {"app_metadata": {"flowctl": {"staff": True}}},
    {"app_metadata": "staff"},
    {"app_metadata": None},
    {"role": "service_role", "app_metadata": {"role": "staff"}},
]

TABLES = ("flows", "flow_steps", "message_logs", "suppressions")


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


@contextmanager
def acting(
    connection: Connection, role: str, claims: dict[str, Any] | None = None
) -> Iterator[Connection]:
    """Act in a role, with the claims of a token, in a transaction that is undone."""
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        if claims is not None:
            connection.execute(
                "select set_config('request.jwt.claims', %s, true)", (json.dumps(claims),)
            )
        yield connection


def as_is(text: str) -> sql.SQL:
    """A statement of this module."""
    return sql.SQL(text)


def test_the_schema_is_the_owners_who_is_no_superuser(owner: Connection) -> None:
    owners = owner.execute(
        "select distinct relowner::regrole::text from pg_class where relkind in ('r', 'i', 'c') "
        "and relnamespace in ('public'::regnamespace, 'flowctl'::regnamespace)"
    ).fetchall()
    assert owners == [("app",)]
    assert migrate.pending(owner) == []


ANYTHING = [
    *(f"select from {table}" for table in (*TABLES, "leads")),
    *(f"delete from {table}" for table in (*TABLES, "leads")),  # noqa: S608 - names of ours
    *(f"truncate {table} cascade" for table in (*TABLES, "leads")),
    "insert into leads default values",
    "update leads set email = 'x'",
    "insert into flow_steps (type, content) values ('text', 'x')",
    "insert into suppressions values ('email', 'a@example.com')",
    "update message_logs set status = 'cancelled'",
    "update flow_steps set content = 'x'",
    "create trigger x after insert on leads execute function auto_schedule_messages()",
    "create table x (n int references flow_steps (id))",
    "select schedule_messages_for_lead(gen_random_uuid())",
    "select enroll_lead(gen_random_uuid(), 'default')",
    "select unsubscribe(gen_random_uuid())",
    "select flowctl.schedule_leads(array[gen_random_uuid()])",
    "select flowctl.time_of_day('9 am')",
    "select from flowctl.migrations",
    "select from flowctl.sends",
    "create table flowctl.x (n int)",
]


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


def test_a_form_that_may_only_insert_gets_its_leads_scheduled(owner: Connection) -> None:
    owner.execute("grant insert (email) on leads to anon")
    owner.execute("create policy form on leads for insert to anon with check (email like '%@%')")
    with owner.transaction():
        owner.execute("set local role anon")
        owner.execute("insert into leads (email) values ('new@example.com'), ('b@example.com')")
    assert len(messages(owner, "id")) == 3


def test_a_table_of_the_forms_own_is_not_taken_for_ours(owner: Connection) -> None:
    owner.execute("grant insert (email) on leads to anon")
    owner.execute("create policy form on leads for insert to anon with check (email is not null)")
    owner.execute("set role anon")
    owner.execute("create temp table message_logs (n int); create temp table flow_steps (n int)")
    owner.execute("create temp table new_leads (n int); create temp table leads (email text)")
    owner.execute("insert into public.leads (email) values ('new@example.com')")
    owner.execute("discard temp")
    owner.execute("set role app")
    assert len(messages(owner, "id")) == 2


def test_what_the_user_granted_on_leads_outlives_the_next_version(owner: Connection) -> None:
    owner.execute("grant insert (email) on leads to anon")
    owner.execute("grant select on leads to authenticated")
    owner.execute("update flowctl.routines set checksum = 'older'")
    assert "security" in migrate.apply(owner)
    row = owner.execute(
        "select has_column_privilege('anon', 'leads', 'email', 'insert'), "
        "has_table_privilege('authenticated', 'leads', 'select')"
    ).fetchone()
    assert row == (True, True)


def test_nobody_but_owner_and_service_role_has_a_right_on_leads_of_ours(bare: Connection) -> None:
    bare.execute(
        "set role app; alter default privileges in schema public grant all on tables to public, "
        "anon, authenticated, service_role; alter default privileges in schema public "
        "grant all on functions to anon, authenticated, service_role"
    )
    migrate.apply(bare)
    holders = bare.execute(
        "select distinct a.grantee::regrole::text from pg_class c "
        "cross join lateral aclexplode(c.relacl) a where c.oid = 'leads'::regclass order by 1"
    ).fetchall()
    assert holders == [("app",), ("service_role",)]
    for statement in ANYTHING:
        with acting(bare, "anon"), pytest.raises(InsufficientPrivilege):
            bare.execute(as_is(statement))


def test_leads_of_another_role_are_used_where_it_allows_that(bare: Connection) -> None:
    bare.execute(LEADS_OF_SALES)
    bare.execute("grant select, references, trigger on leads to app")
    before = bare.execute("select relacl, relrowsecurity from pg_class where relname = 'leads'")
    rights = before.fetchall()
    bare.execute("set role app")
    migrate.apply(bare)
    a_step(bare)
    # again, with a new version of the trigger
    bare.execute("update flowctl.routines set checksum = 'older'")
    assert "auto_schedule_messages" in migrate.apply(bare)
    bare.execute("reset role")
    after = bare.execute("select relacl, relrowsecurity from pg_class where relname = 'leads'")
    assert after.fetchall() == rights
    bare.execute("set role sales")
    bare.execute("insert into leads (email) values ('new@example.com')")
    bare.execute("set role app")
    assert messages(bare, "status") == [("pending",)]
    bare.execute("set role sales")
    bare.execute("delete from leads")
    bare.execute("set role app")
    assert messages(bare, "status") == []


def test_leads_of_another_role_that_allows_too_little_are_refused(bare: Connection) -> None:
    bare.execute(LEADS_OF_SALES)
    bare.execute("grant select on leads to app; set role app")
    with pytest.raises(InputError, match="references, trigger") as caught, translated():
        migrate.apply(bare)
    assert "grant select, references, trigger on public.leads to app" in caught.value.hint
    assert bare.execute("select to_regnamespace('flowctl')").fetchone() == (None,)


BASIC_STEPS = """
create table flow_steps (id uuid, step_order int, type text, subject text, content text, day int,
  time text, time_type text, enabled boolean)
"""


@pytest.mark.parametrize(
    "planted",
    [
        BASIC_STEPS,
        "create function auto_schedule_messages() returns trigger language plpgsql as 'begin end'",
        "create schema flowctl",
    ],
)
def test_what_another_role_planted_is_refused(bare: Connection, planted: str) -> None:
    bare.execute("grant create on schema public to sales")
    bare.execute(
        sql.SQL("grant create on database {} to sales").format(sql.Identifier(bare.info.dbname))
    )
    bare.execute("set role sales")
    bare.execute(as_is(planted))
    bare.execute("set role app")
    with pytest.raises(InputError, match="sales"), translated():
        migrate.apply(bare)
