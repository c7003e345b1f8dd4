"""The finished schema: its shape, what it takes and refuses, what a checker says of its code."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.errors import CheckViolation

from flowctl import migrate
from flowctl.database import connect as connect_translated
from flowctl.errors import InputError
from tests.database.test_adoption import BY_HAND
from tests.support.catalog import schema_text
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection, Postgres, connect

SCHEMA = Path(__file__).with_name("schema.txt")


def rows(conn: Connection, statement: bytes) -> list[object]:
    """The only column of a query."""
    return [row[0] for row in conn.execute(statement)]


def test_the_finished_schema_is_the_one_that_was_reviewed(conn: Connection) -> None:
    assert schema_text(conn) == SCHEMA.read_text("utf-8"), "see tests.support.catalog"


def test_adopted_tables_end_in_the_same_schema(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute(BY_HAND.encode())
        migrate.apply(conn)
        adopted = tables_of(schema_text(conn))
    made = tables_of(SCHEMA.read_text("utf-8"))
    for table in ("flows", "flow_steps", "message_logs", "suppressions"):
        assert sorted(adopted[f"public.{table}"]) == sorted(made[f"public.{table}"])


def tables_of(text: str) -> dict[str, list[str]]:
    """The lines of each table."""
    tables: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        kind, _, name = line.partition(" ")
        if kind == "table":
            current = tables.setdefault(name, [])
        elif kind in {"type", "function"}:
            current = []
        elif not line.startswith("  policy "):  # which depend on the server's roles
            current.append(line)
    return tables


def test_public_holds_what_the_contract_names_and_nothing_else(conn: Connection) -> None:
    relations = rows(
        conn,
        b"select relname from pg_class where relnamespace = 'public'::regnamespace "
        b"and relkind not in ('i', 't') order by 1",
    )
    assert relations == ["flow_steps", "flows", "leads", "message_logs", "suppressions"]
    functions = rows(
        conn, b"select proname from pg_proc where pronamespace = 'public'::regnamespace order by 1"
    )
    assert functions == [
        *("auto_schedule_messages", "enroll_lead", "message_schedule"),
        *("schedule_messages_for_lead", "unsubscribe"),
    ]
    types = rows(
        conn,
        b"select typname from pg_type where typnamespace = 'public'::regnamespace "
        b"and typrelid = 0 and typelem = 0",
    )
    assert types == []


def test_no_extension_is_needed(conn: Connection) -> None:
    assert rows(conn, b"select extname from pg_extension") == ["plpgsql"]


def test_row_level_security_is_on_for_every_table(conn: Connection) -> None:
    open_tables = rows(
        conn,
        b"select oid::regclass::text from pg_class where relkind in ('r', 'p') "
        b"and relnamespace in ('public'::regnamespace, 'flowctl'::regnamespace) "
        b"and not relrowsecurity",
    )
    assert open_tables == []
    forced = rows(conn, b"select relname from pg_class where relforcerowsecurity")
    assert forced == [], "the trigger's owner must see the tables"


def test_every_function_fixes_its_search_path_and_is_closed_to_everybody(conn: Connection) -> None:
    unfixed = rows(
        conn,
        b"select oid::regprocedure::text from pg_proc "
        b"where pronamespace in ('public'::regnamespace, 'flowctl'::regnamespace) "
        b"and not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false)",
    )
    assert unfixed == []
    open_functions = rows(
        conn,
        b"select p.oid::regprocedure::text from pg_proc p "
        b"cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a "
        b"where p.pronamespace in ('public'::regnamespace, 'flowctl'::regnamespace) "
        b"and a.grantee = 0",
    )
    assert open_functions == []


UNUSABLE = {
    "a view": "create view leads as select gen_random_uuid() as id, now() as created_at",
    "a materialized view": "create materialized view leads as select 1 as id, now() as created_at",
    "a sequence": "create sequence leads",
    "no id": "create table leads (lead uuid primary key, created_at timestamptz)",
    "no created_at": "create table leads (id uuid primary key, made timestamptz)",
    "an id that is not unique": "create table leads (id uuid, created_at timestamptz)",
    "an id unique with another column": "create table leads (id uuid, n int, created_at "
    "timestamptz, primary key (id, n))",
    "an id unique for some": "create table leads (id uuid, created_at timestamptz); "
    "create unique index on leads (id) where created_at is not null",
    "a smallint id": "create table leads (id smallint primary key, created_at timestamptz)",
    "a json id": "create table leads (id jsonb primary key, created_at timestamptz)",
    "a text created_at": "create table leads (id uuid primary key, created_at text)",
    "a dropped id": "create table leads (id uuid primary key, created_at timestamptz); "
    "alter table leads drop column id",
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_leads_that_cannot_be_used_are_refused(empty_database: str, what: str) -> None:
    with connect(empty_database) as conn:
        conn.execute(UNUSABLE[what].encode())
    with connect_translated(empty_database) as connection:
        with pytest.raises(InputError, match=r"public\.leads") as caught:
            apply_translated(empty_database)
        assert caught.value.hint
        row = connection.execute(
            "select count(*) from pg_namespace where nspname = 'flowctl'"
        ).fetchone()
        assert row == (0,), "nothing is changed"


def apply_translated(url: str) -> None:
    """Apply the schema as the command does."""
    with connect_translated(url) as connection:
        migrate.apply(connection)


@pytest.mark.parametrize("instant", ["infinity", "-infinity", "10000-01-01", "0044-03-15 BC"])
def test_a_message_has_a_time_that_can_be_read(conn: Connection, instant: str) -> None:
    a_step(conn)
    a_lead(conn)
    with pytest.raises(CheckViolation):
        conn.execute("update message_logs set scheduled_for = %s", (instant,))


@pytest.mark.parametrize("status", ["sending", "Sent", ""])
def test_a_message_has_one_of_four_states(conn: Connection, status: str) -> None:
    a_step(conn)
    a_lead(conn)
    with pytest.raises(CheckViolation):
        conn.execute("update message_logs set status = %s", (status,))


SENT_STAYS = [
    "status = 'pending'",
    "status = 'failed'",
    "status = 'cancelled'",
    "sent_at = null",
    "sent_at = now() - interval '1 day'",
    "id = gen_random_uuid()",
]


@pytest.mark.parametrize("change", SENT_STAYS)
def test_what_was_sent_stays_sent_even_for_the_owner(conn: Connection, change: str) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("update message_logs set status = 'sent', sent_at = now()")
    with pytest.raises(CheckViolation, match="was sent and stays sent"):
        conn.execute(b"update message_logs set " + change.encode())


def test_a_sent_message_takes_its_delivery_and_the_owners_redaction(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("update message_logs set status = 'sent', sent_at = now()")
    conn.execute("update message_logs set delivery_status = 'delivered'")
    conn.execute("update message_logs set subject = null, content = '', recipient = null")
    assert messages(conn, "status", "delivery_status", "content") == [("sent", "delivered", "")]


def test_a_message_that_was_not_sent_may_be_anything(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    for status in ("failed", "pending", "cancelled", "pending", "failed", "sent"):
        conn.execute("update message_logs set status = %s", (status,))
    assert messages(conn, "status") == [("sent",)]


CHECKER = "plpgsql_check"


@pytest.fixture
def checked(postgres: Postgres) -> Iterator[Connection]:
    """A database in which functions can be checked; skips where the extension is not installed."""
    with postgres.database() as url, connect(url) as connection:
        found = connection.execute(
            "select from pg_available_extensions where name = %s", (CHECKER,)
        ).fetchone()
        if found is None:
            pytest.skip(f"the server has no {CHECKER}")
        connection.execute(b"create extension " + CHECKER.encode())
        yield connection


def test_a_checker_finds_nothing_in_the_functions(checked: Connection) -> None:
    found = checked.execute(
        """
        select p.oid::regprocedure::text, complaint
        from pg_proc as p
        inner join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
        left join pg_trigger as t on t.tgfoid = p.oid and not t.tgisinternal
        cross join lateral plpgsql_check_function(
          -- all but compatibility warnings; the trigger's tables; anyelement is uuid
          p.oid, coalesce(t.tgrelid, 0)::regclass, 'text', true, true, true, true, true, false,
          t.tgoldtable, t.tgnewtable, 'uuid'
        ) as complaint
        where p.pronamespace in ('public'::regnamespace, 'flowctl'::regnamespace)
        """
    ).fetchall()
    assert found == []
