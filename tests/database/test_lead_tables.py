"""Tables of leads as people have them: any id, any column, any kind."""

import pytest
from psycopg import sql

from flowctl import migrate
from tests.support.factories import a_step, count, messages
from tests.support.postgres import Connection, connect

SHAPES = {
    "bigint": b"create table leads (id bigint generated always as identity primary key, "
    b"created_at timestamptz default now(), email text, score numeric, tags text[], data jsonb)",
    "integer": b"create table leads (id serial primary key, created_at timestamptz default now(), "
    b"phone text)",
    "text": b"create table leads (id text primary key default gen_random_uuid()::text, "
    b"created_at timestamptz default now())",
    "varchar": b"create table leads (id varchar(40) primary key default gen_random_uuid()::text, "
    b"created_at timestamptz default now())",
    "unique id": b"create table leads (serial_no bigserial primary key, id uuid not null unique "
    b"default gen_random_uuid(), created_at timestamptz default now())",
    "timestamp": b"create table leads (id uuid primary key default gen_random_uuid(), "
    b"created_at timestamp default now(), email text)",
    "date": b"create table leads (id uuid primary key default gen_random_uuid(), "
    b"created_at date default current_date, email text)",
    "zone is a number": b"create table leads (id uuid primary key default gen_random_uuid(), "
    b"created_at timestamptz default now(), timezone integer default 5, email jsonb)",
    "row security": b"create table leads (id uuid primary key default gen_random_uuid(), "
    b"created_at timestamptz default now()); alter table leads enable row level security",
    "partitioned": b"create table leads (id uuid primary key default gen_random_uuid(), "
    b"created_at timestamptz default now()) partition by hash (id); create table leads_0 "
    b"partition of leads for values with (modulus 1, remainder 0)",
    "odd columns": b"create table leads (id uuid primary key default gen_random_uuid(), "
    b'created_at timestamptz default now(), "First Name" text, "select" point, '
    b"lead_id uuid, flow_step_id uuid, skipped text default 'yes', dropped text); "
    b"alter table leads drop column dropped",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_leads_table_of_any_shape_is_used_as_it_is(empty_database: str, shape: str) -> None:
    with connect(empty_database) as conn:
        conn.execute(SHAPES[shape])
        before = columns_of(conn, "leads")
        conn.execute("insert into leads default values")
        migrate.apply(conn)
        assert columns_of(conn, "leads") == before
        a_step(conn)
        [lead] = conn.execute("insert into leads default values returning id").fetchall()
        assert messages(conn, "lead_id") == [lead]
        id_type = columns_of(conn, "leads")["id"]
        assert columns_of(conn, "message_logs")["lead_id"] == id_type
        conn.execute("delete from leads where id = %s", lead)
        assert (count(conn), count(conn, "leads")) == (0, 1)
        [old] = conn.execute("select id from leads").fetchall()
        assert conn.execute(
            sql.SQL("select schedule_messages_for_lead({})").format(sql.Literal(old[0]))
        ).fetchone() == (1,)


def columns_of(conn: Connection, table: str) -> dict[str, str]:
    """The columns of a table and their types."""
    rows = conn.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        (table,),
    ).fetchall()
    return dict(rows)
