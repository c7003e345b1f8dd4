"""What people look for by an address has an index, on whatever table of leads."""

import pytest

from flowctl import migrate
from flowctl.database import connect as connect_translated
from flowctl.database import query
from flowctl.leadlookup import leads_with_address
from flowctl.settings import Settings
from flowctl.store.messages import Filter, filter_values, filtered
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection, connect

SETTINGS = Settings.from_env({})

TABLES = {
    "other types": (
        "email varchar(300), phone bigint",
        "'Ada@example.com', 14155550123",
        ["leads_by_email", "leads_by_phone"],
    ),
    "a type that cannot be indexed": (
        "email timestamptz, phone text",
        "now(), '+1 415 555 0123'",
        ["leads_by_phone"],
    ),
    "no addresses": ("name text", "'Ada'", []),
}


def plan(conn: Connection, statement: bytes, values: dict[str, object]) -> str:
    """How the server would run it if it could do without reading whole tables."""
    with conn.transaction(force_rollback=True):
        conn.execute("set local enable_seqscan = off")
        rows = conn.execute(b"explain " + statement, values).fetchall()
    return "\n".join(str(row[0]) for row in rows)


def test_a_lead_is_found_by_an_index(conn: Connection) -> None:
    by_email = plan(conn, query("leads_by_email"), {"address": "a@b.example", "batch_size": 9})
    by_phone = plan(conn, query("leads_by_phone"), {"ending": "550123", "batch_size": 9})
    assert "leads_by_email" in by_email
    assert "leads_by_phone" in by_phone


def test_what_was_written_to_an_address_is_found_by_an_index(conn: Connection) -> None:
    values = {"channel": "email", "address": "a@b.example", "written": "a@b.example"}
    found = plan(conn, query("messages_to"), {**values, "lead_ids": []})
    assert "message_logs_recipient" in found


def test_errors_are_looked_for_where_there_are_some(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    chosen = Filter(error="550")
    values = {**filter_values(chosen), "since": None, "until": None, "batch_size": 9}
    statuses = ["pending", "sent", "failed", "cancelled"]
    found = plan(conn, filtered("list_messages", chosen), {**values, "statuses": statuses})
    for index in (
        "message_logs_sent_error",
        "message_logs_pending_error",
        "message_logs_state_over",
    ):
        assert index in found


@pytest.mark.parametrize("what", TABLES)
def test_a_leads_table_of_any_kind_is_taken(empty_database: str, what: str) -> None:
    columns, values, indexes = TABLES[what]
    with connect(empty_database) as conn:
        made = "create table leads (id bigserial primary key, created_at timestamptz, {}); "
        filled = "insert into leads values (7, now(), {})"
        conn.execute((made.format(columns) + filled.format(values)).encode())
    with connect_translated(empty_database) as connection:
        migrate.apply(connection)
        found = connection.execute(
            "select indexname::text from pg_indexes where tablename = 'leads' "
            "and indexname like 'leads_by_%' order by 1"
        ).fetchall()
        assert [name for (name,) in found] == indexes
        leads = [
            lead.id
            for written in ("ada@EXAMPLE.com", "+1 415 555 0123")
            for lead in leads_with_address(connection, SETTINGS, written)
        ]
    assert set(leads) == ({"7"} if indexes else set())


def test_no_value_is_too_long_for_the_index(conn: Connection) -> None:
    """A lead is taken whatever its row holds, and by a role that may only insert."""
    long = "a" * 100_000
    a_lead(conn, email=f"{long}@example.com", phone="1" * 100_000)
    a_lead(conn, email=f"{long} <x@", phone=f"x{long}")
    assert conn.execute("select count(*) from leads").fetchone() == (2,)
