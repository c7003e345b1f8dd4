"""Who may what on the leads, ours and those of others."""

import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from flowctl import migrate
from flowctl.database import translated
from flowctl.errors import InputError
from tests.database.acting import ANYTHING, acting, as_is
from tests.support.factories import a_step, messages
from tests.support.postgres import Connection

LEADS_OF_SALES = b"""
create table leads (id uuid primary key default gen_random_uuid(),
  created_at timestamptz default now(), email text);
alter table leads owner to sales;
alter table leads enable row level security;
create policy everybody on leads to sales using (true) with check (true);
"""


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
