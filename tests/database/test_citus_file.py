"""What is made for Citus as far as a server without it takes that: sql/citus.sql is refused whole
and well-formed, and statements without locks do what those with locks do."""

import psycopg
import pytest

from flowctl import migrate
from flowctl.database import REFUSED_BY_SCHEMA, query, query_names, sql_root
from flowctl.scripts import scripts, significant, statements
from flowctl.store.flows import skip_late
from flowctl.store.steps import update_pending
from tests.database.test_citus import QUERIES_OF_ONE_LEAD
from tests.support.catalog import schema_text
from tests.support.cli import RunFlowctl
from tests.support.factories import WELCOME, a_lead, a_step, messages
from tests.support.postgres import Connection

FILE = (sql_root() / "citus.sql").read_text("utf-8")
READY = (sql_root() / "citus_ready.sql").read_text("utf-8")


def test_without_the_extension_it_is_refused_and_nothing_is_changed(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    before = schema_text(conn)
    refused = flowctl("apply-schema", "--citus")
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert refused.stderr == (
        "error: this database has no extension citus\n"
        "hint: on every node: create extension citus; then citus_add_node on the coordinator\n"
    )
    assert schema_text(conn) == before
    assert flowctl("apply-schema", "--check").exit_code == 0
    assert flowctl("apply-schema", "--check", "--citus").exit_code == 1


HINDRANCES = {
    "the unique index own, which does not carry the id": "create unique index own on leads (email)",
    "the foreign key calls_lead of calls": (
        "create table public.calls (lead uuid constraint calls_lead references leads)"
    ),
    "the trigger own, which has a transition table": (
        "create trigger own after insert on leads referencing new table as added "
        "for each statement execute function auto_schedule_messages()"
    ),
}


@pytest.mark.parametrize("hindrance", HINDRANCES)
def test_a_leads_table_that_cannot_be_distributed_is_refused(
    conn: Connection, hindrance: str
) -> None:
    (check,) = [one for one in statements(READY) if "cannot be distributed" in one]
    conn.execute(check.encode())
    conn.execute(HINDRANCES[hindrance].encode())
    with pytest.raises(psycopg.Error) as refused:
        conn.execute(check.encode())
    said = refused.value.diag
    assert refused.value.sqlstate == REFUSED_BY_SCHEMA
    assert said.message_primary == f"public.leads cannot be distributed: it has {hindrance}"
    assert said.message_hint == "drop it first, or distribute the table yourself"


def test_every_query_of_one_lead_is_tried_on_a_cluster() -> None:
    """But for one that asks no table."""
    of_one_lead = {name for name in query_names() if b"%(lead_id)s" in query(name)}
    assert of_one_lead - set(QUERIES_OF_ONE_LEAD) == {"lock_lead"}


def test_a_dry_run_prints_what_would_run(flowctl: RunFlowctl) -> None:
    printed = flowctl("apply-schema", "--citus", "--dry-run")
    assert printed.exit_code == 0
    assert printed.stdout.index(READY) < printed.stdout.index(FILE.strip())


def test_its_statements_are_well_formed(conn: Connection) -> None:
    with conn.transaction(force_rollback=True):
        for statement in statements(READY + FILE):
            if significant(statement).startswith("do "):
                # parsed, not run
                body = statement[statement.index("$$") :]
                conn.execute(
                    b"create or replace function pg_temp.block() returns void language plpgsql as "
                    + body.encode()
                )
            else:
                conn.execute(statement.encode())


def test_a_text_is_cut_into_its_statements() -> None:
    whole = migrate.text_of(scripts(is_distributed=True))
    pieces = statements(whole)
    assert significant("".join(pieces)) == significant(whole)
    assert statements("select ';' -- ;\n; do $a$ ; $a$;") == [
        "select ';' -- ;\n;",
        " do $a$ ; $a$;",
    ]


@pytest.fixture
def taken_for_distributed(conn: Connection) -> Connection:
    """A database of one server whose statements take the form for several nodes."""
    conn.execute("insert into flowctl.routines (name, checksum, program) values ('citus', '', '')")
    return conn


def test_pending_messages_follow_their_step_where_nothing_is_locked(
    taken_for_distributed: Connection,
) -> None:
    step = a_step(taken_for_distributed)
    free, claimed = (a_lead(taken_for_distributed, email=f"{n}@example.com") for n in "ab")
    taken_for_distributed.execute(
        "update message_logs set lease_until = now() + interval '1 hour' where lead_id = %s",
        (claimed,),
    )
    taken_for_distributed.execute("update flow_steps set content = 'new'")
    assert update_pending(taken_for_distributed, [step])[step].updated == 1
    said = dict(messages(taken_for_distributed, "lead_id", "content"))
    assert said == {free: "new", claimed: WELCOME}


def test_what_a_pause_held_back_is_cancelled_where_nothing_is_locked(
    taken_for_distributed: Connection,
) -> None:
    a_step(taken_for_distributed)
    a_lead(taken_for_distributed)
    assert skip_late(taken_for_distributed, "default") == 1
