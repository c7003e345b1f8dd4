"""The tables on a Citus cluster; run where TEST_CITUS_URL names one, else skipped."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from flowctl import migrate
from flowctl.database import REFUSED_BY_SCHEMA, query
from flowctl.model import Channel, Slot, Status
from flowctl.store.claims import claim_due, release_claims, renew_leases
from flowctl.store.due import count_due, due_by_channel
from flowctl.store.outcomes import OutcomeRecord, record_outcomes
from flowctl.store.runs import Run
from flowctl.store.sends import begin_sends
from flowctl.store.steps import select_drift, update_pending
from tests.database.test_queries import PLACEHOLDER
from tests.dispatch.test_batches import intent
from tests.support.citus import Cluster
from tests.support.distributed import TEST_CITUS_URL
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection, connect

pytestmark = pytest.mark.skipif(TEST_CITUS_URL not in os.environ, reason=f"no {TEST_CITUS_URL}")

TABLES = ("leads", "message_logs", "flow_steps", "flowctl.message_history")

OF_ONE_LEAD = {
    "a new lead": "insert into leads (id) values (gen_random_uuid())",
    "its page": "select * from leads join message_logs on lead_id = leads.id where leads.id = {}",
    "a claim's end": "update message_logs set status = 'sent' where lead_id = {} and id = {}",
    "a send": "delete from flowctl.sends where lead_id = {} and message_id = {}",
    "a lead's end": "delete from leads where id = {}",
}


QUERIES_OF_ONE_LEAD = (
    "add_returned_mail",
    "add_stop",
    "being_sent",
    "cancel_emails_of_lead",
    "count_lead_messages",
    "enrollments_of_lead",
    "forget_archive",
    "forget_lead",
    "lead_by_id",
    "lock_pending_of_lead",
    "lock_returned",
    "message_counts",
    "preview_schedule",
    "remove_stops",
    "restore_stopped",
    "mark_returned_sent",
    "stop_messages",
    "stop_replied",
    "stopped_messages",
    "stops_of_lead",
    "undelivered_to_lead",
    "update_email_delivery",
)

QUERIES_OF_A_PART = (
    "begin_in_part",
    "claim_in_part",
    "due_in_part",
    "is_due_in_part",
    "paused_in_part",
    "record_in_part",
)

A_LEAD = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def filled(postgres: Cluster) -> Iterator[Connection]:
    """A cluster's database with the tables on the coordinator alone, and history in them."""
    with postgres.database(schema=False) as url, connect(url) as connection:
        migrate.apply(connection)
        a_step(connection)
        a_step(connection)
        for number in range(20):
            a_lead(connection, email=f"lead{number}@example.com")
        connection.execute(
            "update message_logs set status = 'failed', error_message = 'x' "
            "where id in (select id from message_logs order by id limit 7)"
        )
        yield connection


def contents(connection: Connection) -> dict[str, Counter[str]]:
    """Every row of the tables, but for the column that the conversion fills."""
    return {
        table: Counter(
            row[0]
            for row in connection.execute(
                f"select (to_jsonb(own) - 'lead_id')::text from {table} as own".encode()  # noqa: S608
            )
        )
        for table in TABLES
    }


def test_a_filled_database_is_converted_without_losing_a_row(filled: Connection) -> None:
    before = contents(filled)
    assert migrate.apply(filled, distributes=True) == ["citus", "security"]
    assert contents(filled) == before
    assert migrate.apply(filled, distributes=True) == []
    a_lead(filled, email="another@example.com")
    assert len(messages(filled, "id")) == 42


@pytest.mark.parametrize("what", OF_ONE_LEAD)
def test_a_statement_of_one_lead_touches_one_part(conn: Connection, what: str) -> None:
    one = f"'{A_LEAD}'"
    plan = conn.execute(f"explain {OF_ONE_LEAD[what].replace('{}', one)}".encode()).fetchall()
    assert "  Task Count: 1" in {row[0] for row in plan}


@pytest.mark.parametrize("name", QUERIES_OF_ONE_LEAD)
def test_a_query_of_one_lead_touches_one_part(conn: Connection, name: str) -> None:
    statement = query(name)
    names = [match.decode() for match in PLACEHOLDER.findall(statement)]
    ids = {"lead_id", "id", "message_id"}
    parameters = {name: A_LEAD if name in ids else None for name in names}
    plan = conn.execute(b"explain " + statement, parameters).fetchall()
    assert {row[0].strip() for row in plan if "Task Count" in row[0]} == {"Task Count: 1"}


@pytest.mark.parametrize("name", QUERIES_OF_A_PART)
def test_a_dispatchers_query_touches_one_part(conn: Connection, name: str) -> None:
    parameters = {"key": A_LEAD, "text": "select"}
    plan = conn.execute(b"explain " + query(name), parameters).fetchall()
    assert {row[0].strip() for row in plan if "Task Count" in row[0]} == {"Task Count: 1"}


@contextmanager
def asked_of_nodes(conn: Connection) -> Iterator[list[str]]:
    """The statements of a dispatcher that the nodes are asked to run meanwhile."""
    asked: list[str] = []

    def note(said: psycopg.errors.Diagnostic) -> None:
        if "in_part(" in (said.message_primary or ""):
            asked.append(str(said.message_primary))

    conn.execute("set citus.log_remote_commands = on")
    conn.add_notice_handler(note)
    yield asked
    conn.remove_notice_handler(note)
    conn.execute("reset citus.log_remote_commands")


def test_a_turn_asks_one_node_once_for_each_statement(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    run = Run(UUID(int=1), timedelta(minutes=2))
    parts = conn.execute("select from flowctl.parts()").fetchall()
    with asked_of_nodes(conn) as asked:
        (row,) = claim_due(conn, run, Channel.EMAIL, batch_size=9)
    assert len(asked) == len(parts) > 1
    with asked_of_nodes(conn) as asked:
        renew_leases(conn, run, [row.id])
    assert len(asked) == 1
    with asked_of_nodes(conn) as asked:
        begin_sends(conn, run, [intent(row)])
    assert len(asked) == 1
    with asked_of_nodes(conn) as asked:
        record_outcomes(conn, run, [OutcomeRecord(row.id, Status.SENT)])
    assert len(asked) == 1
    assert messages(conn, "status") == [("sent",)]
    assert run.places == {}


def test_what_is_given_back_is_asked_of_one_node(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    run = Run(UUID(int=1), timedelta(minutes=2))
    (row,) = claim_due(conn, run, Channel.EMAIL, batch_size=9)
    with asked_of_nodes(conn) as asked:
        assert release_claims(conn, run, [row.id]) == {row.id}
    assert len(asked) == 1
    assert run.places == {}


def test_of_more_slots_than_parts_each_takes_its_share(conn: Connection) -> None:
    a_step(conn)
    for number in range(60):
        a_lead(conn, email=f"lead{number}@example.com")
    taken: Counter[UUID] = Counter()
    for number in range(1, 71):
        run = Run(UUID(int=number), timedelta(minutes=2), slot=Slot(number, 70))
        taken.update(row.id for row in claim_due(conn, run, Channel.EMAIL, batch_size=60))
    assert taken == Counter(row[0] for row in messages(conn, "id"))


def test_what_is_due_is_counted_over_the_nodes(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    assert due_by_channel(conn)[0].messages == 1
    assert count_due(conn, Channel.EMAIL) == 1


def test_pending_messages_are_compared_with_their_step(conn: Connection) -> None:
    step = a_step(conn, key="one")
    a_lead(conn)
    conn.execute("update flow_steps set content = 'new'")
    for _ in range(3):
        assert select_drift(conn, ["default"])[step].kept == 1
    assert update_pending(conn, [step])[step].updated == 1


def test_a_message_is_pending_again_when_the_leads_address_has_changed(conn: Connection) -> None:
    a_step(conn)
    lead = a_lead(conn)
    conn.execute("update message_logs set status = 'cancelled', cause = 'no_address'")
    conn.execute("update leads set first_name = 'Grace' where id = %s", (lead,))
    assert messages(conn, "status") == [("cancelled",)]
    conn.execute("update leads set email = 'grace@example.com' where id = %s", (lead,))
    assert messages(conn, "status") == [("pending",)]


def test_who_got_a_step_is_remembered_once_the_flow_asks_for_it(conn: Connection) -> None:
    a_step(conn)
    for _ in range(4):
        a_lead(conn)
    conn.execute("update message_logs set status = 'sent', recipient = 'ada@example.com'")
    conn.execute("update flows set dedupe_address = true")
    assert conn.execute("select count(*) from flowctl.sent_addresses").fetchone() == (4,)


@pytest.fixture
def plain_owner(postgres: Cluster) -> Iterator[Connection]:
    """The connection of an owner who is no superuser, to a database without the schema."""
    name = f"owner_{os.getpid()}"
    with connect(os.environ[TEST_CITUS_URL]) as admin:
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        try:
            with postgres.database(schema=False, owner=name) as url:
                parts = conninfo_to_dict(url)
                with connect(make_conninfo("", **{**parts, "user": name})) as connection:
                    yield connection
        finally:
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_an_owner_whom_the_nodes_do_not_know_is_told_so_at_once(plain_owner: Connection) -> None:
    with pytest.raises(psycopg.Error) as refused:
        migrate.apply(plain_owner, distributes=True)
    assert refused.value.sqlstate == REFUSED_BY_SCHEMA
    hint = refused.value.diag.message_hint or ""
    assert not migrate.has_schema(plain_owner)
    superuser = conninfo_to_dict(os.environ[TEST_CITUS_URL])["user"]
    with connect(make_conninfo(plain_owner.info.dsn, user=superuser)) as admin:
        admin.execute(hint.partition("here: ")[2].encode())
    migrate.apply(plain_owner, distributes=True)
    a_step(plain_owner)
    a_lead(plain_owner)
    assert messages(plain_owner, "status") == [("pending",)]
