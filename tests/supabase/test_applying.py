"""The schema comes into a project of each kind, in each way, by a role that is no superuser."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flowctl import migrate
from tests.database.test_adoption import BY_HAND
from tests.supabase.relay import relay
from tests.supabase.tools import needs_supabase_cli, supabase_cli
from tests.support.catalog import schema_text
from tests.support.cli import run_flowctl
from tests.support.postgres import Connection, connect
from tests.support.supabase import Kind, Project, Supabase

RIGHTS = """
select c.oid::regclass::text || ' ' || c.relrowsecurity || ' ' || array_to_string(array(
  select entry::text from unnest(c.relacl) as entry order by 1
), ' ')
from pg_class as c
where c.relnamespace in ('public'::regnamespace, 'flowctl'::regnamespace) and c.relkind = 'r'
union all
select p.oid::regprocedure || ' ' || array_to_string(array(
  select entry::text from unnest(p.proacl) as entry order by 1
), ' ')
from pg_proc as p
where p.pronamespace in ('public'::regnamespace, 'flowctl'::regnamespace)
union all
select pol.polrelid::regclass || ' ' || pol.polname || ' ' || pol.polroles::regrole[]::text
from pg_policy as pol
union all
select nspname || ' ' || array_to_string(nspacl, ' ') from pg_namespace where nspname = 'flowctl'
order by 1
"""
"""What everybody may do with what is ours."""


PLANTED = b"""
create table public.caught (who text);
grant all on public.caught to public;

create function public.format(text, regclass, name) returns text language plpgsql
as $$ begin insert into public.caught values (current_user); return null; end $$;

create function public.lower(name) returns text language plpgsql
as $$ begin insert into public.caught values (current_user); return null; end $$;

create function public.concat_ws(text, text, text) returns text language plpgsql
as $$ begin insert into public.caught values (current_user); return null; end $$;
"""


def by_command(project: Project, _: Path) -> None:
    """``flowctl apply-schema``."""
    ran = run_flowctl("apply-schema", env={"DATABASE_URL": project.url})
    assert (ran.exit_code, ran.stderr) == (0, "")


def printed(project: Project) -> str:
    """The text of ``flowctl apply-schema --dry-run``."""
    ran = run_flowctl("apply-schema", "--dry-run", env={"DATABASE_URL": project.url})
    assert ran.exit_code == 0
    return ran.stdout


def by_pasting(project: Project, _: Path) -> None:
    """The printed text as one query, as the SQL editor sends it."""
    with project.connect() as editor:
        editor.execute(printed(project).encode())


def by_migration(project: Project, folder: Path) -> None:
    """The printed text as a migration of the project's own."""
    migrations = folder / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    number = len(list(migrations.iterdir())) + 1
    (migrations / f"{number:014}_flowctl.sql").write_text(printed(project), "utf-8")
    with relay(project.url) as url:
        supabase_cli("db", "push", f"--remote={url}", "--yes", folder=folder)


WAYS = [
    pytest.param(by_command, id="command"),
    pytest.param(by_pasting, id="pasted"),
    pytest.param(by_migration, id="migration", marks=needs_supabase_cli),
]


def rights(conn: Connection) -> list[str]:
    """What :data:`RIGHTS` asks for."""
    return [row[0] for row in conn.execute(RIGHTS.encode())]


@pytest.fixture(scope="module")
def expected(server: Supabase) -> tuple[str, list[str]]:
    """The schema and the rights that one kind of project ends with."""
    with server.project(Kind.OLDER) as project, project.connect() as owner:
        migrate.apply(owner)
        return schema_text(owner), rights(owner)


_TO_GRANT = ("leads ", "unsubscribe(")
"""What the project's owner may grant, and keeps granted."""


@pytest.mark.parametrize("way", WAYS)
def test_every_way_into_every_kind_leads_to_the_same_schema_and_rights(
    project: Project,
    way: Callable[[Project, Path], None],
    expected: tuple[str, list[str]],
    tmp_path: Path,
) -> None:
    way(project, tmp_path)
    with project.connect() as owner:
        migrate.require_schema(owner)
        assert migrate.pending(owner) == []
        assert (schema_text(owner), rights(owner)) == expected


def test_all_of_it_may_be_applied_again_in_any_way(
    project: Project, expected: tuple[str, list[str]], tmp_path: Path
) -> None:
    with project.connect() as owner:
        migrate.apply(owner)
        owner.execute(migrate.text_of(migrate.pending(None)).encode())
        by_pasting(project, tmp_path)
        assert (schema_text(owner), rights(owner)) == expected


def test_a_text_that_was_printed_without_a_database_leaves_nothing_to_do(project: Project) -> None:
    with project.connect() as editor:
        editor.execute(migrate.text_of(migrate.pending(None)).encode())
        assert migrate.pending(editor) == []


def test_rights_that_were_given_away_since_are_taken_back(
    applied: Project, expected: tuple[str, list[str]]
) -> None:
    with applied.connect() as owner:
        owner.execute("grant all on all tables in schema public to anon, authenticated")
        owner.execute("grant all on all functions in schema public to anon, authenticated")
        owner.execute("grant usage on schema flowctl to anon")
        owner.execute(migrate.text_of(migrate.pending(None)).encode())
        taken_back = [line for line in rights(owner) if not line.startswith(_TO_GRANT)]
    assert taken_back == [line for line in expected[1] if not line.startswith(_TO_GRANT)]


def test_tables_of_an_earlier_script_end_with_the_same_rights(
    project: Project, expected: tuple[str, list[str]]
) -> None:
    with project.connect() as owner:
        owner.execute(BY_HAND.encode())
        migrate.apply(owner)
        adopted = [line for line in rights(owner) if not line.startswith(("leads ", "uuid_like"))]
    assert adopted == [line for line in expected[1] if not line.startswith("leads ")]


@pytest.mark.parametrize("project", [Kind.OLDER], indirect=True)
def test_it_leaves_nothing_behind_in_the_session(project: Project) -> None:
    statement = (
        "select current_setting('search_path'), current_setting('role'), pg_my_temp_schema()"
    )
    with project.connect() as editor:
        before = editor.execute(statement).fetchone()
        editor.execute(migrate.text_of(migrate.pending(None)).encode())
        assert editor.execute(statement).fetchone() == before


@pytest.mark.parametrize("project", [Kind.OLDER], indirect=True)
def test_functions_planted_in_public_are_not_called(project: Project) -> None:
    """In older clusters everybody may create in public, and an exact match of types wins."""
    with connect(project.url_for("supabase_admin")) as stranger:
        stranger.execute(PLANTED)
    with project.connect() as owner:
        migrate.apply(owner)
        assert owner.execute("select count(*) from public.caught").fetchone() == (0,)
