"""``flowctl messages prune``: what old messages said is forgotten, that they were sent is not."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from flowctl import database as db
from flowctl import migrate
from flowctl.prune import CHUNK_PAGES, prune
from tests.database.test_adoption import BY_HAND
from tests.support.cli import RunFlowctl
from tests.support.dispatching import dispatch_once
from tests.support.distributed import on_one_machine
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.postgres import Connection, connect
from tests.support.roles import as_role

OLD = "180d"


def ended(conn: Connection, lead: UUID, status: str, days: int, **columns: object) -> None:
    """A lead's only message becomes one that ended so many days ago."""
    then = timedelta(days=days)
    conn.execute(
        "update message_logs set status = %s, created_at = now() - %s, scheduled_for = now() - %s, "
        "sent_at = case when %s = 'sent' then now() - %s end where lead_id = %s",
        (status, then, then, status, then, lead),
    )
    for name, value in columns.items():
        conn.execute(
            sql.SQL("update message_logs set {} = %s where lead_id = %s").format(
                sql.Identifier(name)
            ),
            (value, lead),
        )


def the_message(conn: Connection, lead: UUID, *columns: str) -> tuple[Any, ...]:
    """These columns of a lead's only message."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("select {} from message_logs where lead_id = %s").format(names)
    (row,) = conn.execute(statement, (lead,)).fetchall()
    return row


@pytest.fixture
def lead(conn: Connection) -> UUID:
    """A lead with one message, which was sent a year ago."""
    a_step(conn)
    lead = a_lead(conn)
    ended(conn, lead, "sent", 365, recipient="ada@example.com", provider_id="<1@acme>", attempts=1)
    return lead


def test_what_a_sent_message_said_is_forgotten_and_the_rest_stays(
    conn: Connection, flowctl: RunFlowctl, lead: UUID
) -> None:
    kept = (
        "id", "lead_id", "flow_step_id", "message_type", "status", "scheduled_for", "sent_at",
        "created_at", "attempts", "recipient", "provider_id",
    )  # fmt: skip
    before = the_message(conn, lead, *kept)
    ran = flowctl("messages", "prune", "--older-than", OLD, "--yes")
    assert ran.exit_code == 0
    assert ran.stdout.startswith("redacted 1 message from before 20")
    assert the_message(conn, lead, "subject", "content") == (None, "")
    assert the_message(conn, lead, *kept) == before


@pytest.mark.usefixtures("lead")
def test_it_can_be_repeated(flowctl: RunFlowctl) -> None:
    args = ("messages", "prune", "--older-than", OLD, "--yes", "--json")
    assert flowctl(*args).json()["messages"] == 1
    assert flowctl(*args).json()["messages"] == 0


def test_a_rehearsal_counts_and_changes_nothing(
    conn: Connection, flowctl: RunFlowctl, lead: UUID
) -> None:
    ran = flowctl("messages", "prune", "--older-than", OLD, "--dry-run", "--json")
    document = ran.json()
    assert (document["messages"], document["archived"]) == (1, 0)
    assert document["before"]
    assert the_message(conn, lead, "subject") == ("Welcome",)


def test_without_anybody_to_ask_nothing_is_changed(
    conn: Connection, flowctl: RunFlowctl, lead: UUID
) -> None:
    ran = flowctl("messages", "prune", "--older-than", OLD)
    assert ran.exit_code == 1
    assert "redact 1 message from before" in ran.stderr
    assert the_message(conn, lead, "subject") == ("Welcome",)


def test_young_and_pending_messages_are_left_alone(conn: Connection, flowctl: RunFlowctl) -> None:
    a_step(conn)
    young, overdue = a_lead(conn), a_lead(conn)
    ended(conn, young, "sent", 100)
    ended(conn, overdue, "pending", 400)
    ran = flowctl("messages", "prune", "--older-than", OLD, "--yes", "--json")
    assert ran.json()["messages"] == 0
    assert messages(conn, "subject") == [("Welcome",), ("Welcome",)]


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        ("phone number is not valid: call 555-12", "phone number is not valid"),
        ("email address is not valid: a b@c.d (odd)", "email address is not valid"),
        ("550 5.1.1 <ada@example.com>: no such user", "550 5.1.1 <…>: no such user"),
        ("21608 the number +1 (415) 555-0123 is unverified", "21608 the number … is unverified"),
        ("unknown outcome: no reply to the message", "unknown outcome: no reply to the message"),
        ("21610 unsubscribed", "21610 unsubscribed"),
    ],
)
def test_addresses_in_a_reason_are_forgotten(
    conn: Connection, database: str, error: str, kept: str
) -> None:
    a_step(conn)
    lead = a_lead(conn)
    ended(conn, lead, "failed", 365, recipient="ada@example.com", error_message=error)
    with db.connect(database) as connection:
        assert prune(connection, timedelta(days=180)).messages == 1
        assert prune(connection, timedelta(days=180)).messages == 0
    assert the_message(conn, lead, "status", "recipient", "error_message", "content") == (
        "failed", None, kept, "",
    )  # fmt: skip


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_was_redacted_is_not_sent_by_a_retry(
    conn: Connection, flowctl: RunFlowctl, status: str
) -> None:
    a_step(conn)
    lead = a_lead(conn)
    ended(conn, lead, status, 365)
    flowctl("messages", "prune", "--older-than", OLD, "--yes")
    (identity,) = the_message(conn, lead, "id")
    ran = flowctl("messages", "retry", str(identity), "--yes")
    assert ran.exit_code == 3
    assert "what it said was pruned" in ran.stderr
    assert the_message(conn, lead, "status") == (status,)


def test_a_step_is_not_sent_again_to_an_address_of_which_little_is_left(
    conn: Connection, database: str, flowctl: RunFlowctl
) -> None:
    a_flow(conn, dedupe_address=True)
    step = a_step(conn)
    assert dispatch_once(database).totals.sent == 0
    ended(conn, a_lead(conn), "sent", 365, recipient="ada@example.com")
    # what was sent before is remembered where the setting is switched on
    for value in (False, True):
        conn.execute(
            "update flows set dedupe_address = %s where dedupe_address <> %s", (value, value)
        )
    flowctl("messages", "prune", "--older-than", OLD, "--yes")
    a_lead(conn, email="ADA@example.com")
    assert dispatch_once(database).totals.cancelled == 1
    # as it is written for a cluster too
    conn.execute(
        "with lead as materialized (select id from leads) "
        "select public.schedule_messages_for_lead(id) from lead"
    )
    assert conn.execute(
        "select count(*) from message_logs where flow_step_id = %s", (step,)
    ).fetchone() == (2,)


@on_one_machine("a part has few pages")
def test_a_table_of_many_pages_is_gone_through_to_its_end(conn: Connection, database: str) -> None:
    a_step(conn, content="x" * 1500)
    conn.execute("insert into leads (email) select 'a@b.c' from generate_series(1, 4500)")
    conn.execute(
        "update message_logs set status = 'failed', scheduled_for = now() - interval '1 y'"
    )
    conn.execute("update message_logs set created_at = scheduled_for")
    pages = conn.execute(
        "select pg_relation_size('message_logs') / current_setting('block_size')::integer"
    ).fetchone()
    assert pages is not None
    assert pages[0] > CHUNK_PAGES
    with db.connect(database) as connection:
        assert prune(connection, timedelta(days=180), is_dry_run=True).messages == 4500
        assert prune(connection, timedelta(days=180)).messages == 4500
        assert prune(connection, timedelta(days=180)).messages == 0


def test_a_chunk_is_read_without_the_rest_of_the_table(conn: Connection) -> None:
    if conn.info.server_version < 14_00_00:
        pytest.skip("PostgreSQL 13 has no range of row addresses")
    values = {"first": 0, "pages": 1, "before": "now", "dry_run": True}
    plan = conn.execute(b"explain " + db.query("prune_messages"), values).fetchall()
    assert any("Tid Range Scan" in row[0] for row in plan)


def test_only_the_owner_may(
    conn: Connection, database: str, flowctl: RunFlowctl, lead: UUID
) -> None:
    name = f"staff_of_{conn.info.dbname}"
    role = sql.Identifier(name)
    conn.execute(sql.SQL("create role {} bypassrls").format(role))
    try:
        conn.execute(sql.SQL("grant usage on schema flowctl to {}").format(role))
        conn.execute(
            sql.SQL("grant all on all tables in schema public, flowctl to {}").format(role)
        )
        env = {"DATABASE_URL": as_role(database, name)}
        ran = flowctl("messages", "prune", "--older-than", OLD, "--yes", env=env)
    finally:
        conn.execute(sql.SQL("drop owned by {}").format(role))
        conn.execute(sql.SQL("drop role {}").format(role))
    assert ran.exit_code == 4
    assert "only the owner of public.message_logs" in ran.stderr
    assert the_message(conn, lead, "subject") == ("Welcome",)


@pytest.mark.parametrize("span", ["", "soon", "-3d", "0d"])
def test_a_span_that_is_none_is_wrong_usage(flowctl: RunFlowctl, span: str) -> None:
    ran = flowctl("messages", "prune", f"--older-than={span}")
    assert ran.exit_code == 2
    assert "--older-than" in ran.stderr


def test_without_a_span_it_is_wrong_usage(flowctl: RunFlowctl) -> None:
    assert flowctl("messages", "prune").exit_code == 2


@pytest.fixture
def adopted(empty_database: str) -> str:
    """A database with messages that adoption has archived: some of a lead, some of none."""
    with connect(empty_database) as conn:
        conn.execute(BY_HAND.encode())
        migrate.apply(conn)
    return empty_database


def test_archived_messages_are_redacted_too(adopted: str) -> None:
    with db.connect(adopted) as connection:
        connection.execute(
            "update flowctl.message_archive set created_at = now() - interval '1 year', "
            "scheduled_for = now() - interval '1 year', sent_at = null"
        )
        pruned = prune(connection, timedelta(days=180))
        assert pruned.archived > 0
        assert prune(connection, timedelta(days=180)).archived == 0
        rows = connection.execute(
            "select distinct subject, content, error_message from flowctl.message_archive"
        ).fetchall()
    assert rows == [(None, None, None)]


def test_a_lead_takes_its_archived_messages_along(adopted: str) -> None:
    with connect(adopted) as conn:

        def archived() -> list[tuple[Any, ...]]:
            return conn.execute(
                "select lead_id is not null, count(*) from flowctl.message_archive group by 1"
            ).fetchall()

        before = dict(archived())
        assert before[True] > 0
        assert before[False] > 0
        conn.execute("delete from leads")
        assert dict(archived()) == {False: before[False]}
        assert conn.execute("select count(*) from message_logs").fetchone() == (0,)


def test_an_archived_message_cannot_be_given_to_a_lead_that_is_none(adopted: str) -> None:
    with connect(adopted) as conn, pytest.raises(psycopg.errors.ForeignKeyViolation):
        conn.execute("update flowctl.message_archive set lead_id = gen_random_uuid()")
