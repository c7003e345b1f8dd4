"""What the dispatcher's role may not do."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.dispatching import dispatch_once
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection, connect

pytestmark = pytest.mark.parametrize("database", ["dispatcher"], indirect=True)


@pytest.fixture
def dispatcher(database: str, conn: Connection) -> Iterator[Connection]:
    """A connection as the role, beside one sent message and a lead with a pending one."""
    a_step(conn)
    a_step(conn, day=1)
    a_lead(conn)
    assert dispatch_once(database).totals.sent == 1
    with connect(database) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "insert into leads (email) values ('x@example.com')",
        "update leads set email = 'x@example.com'",
        "delete from leads",
        "update flow_steps set content = 'spam'",
        "insert into flow_steps (type, content) values ('text', 'spam')",
        "update flows set enabled = false",
        "delete from message_logs",
        "truncate message_logs",
        """insert into message_logs (lead_id, message_type, content, scheduled_for)
        select id, 'email', 'x', now() from leads""",
        "update message_logs set lead_id = lead_id",
        "select public.schedule_messages_for_lead(id) from leads",
        "select flowctl.schedule_leads(array[id]) from leads",
        "create table public.mine (n int)",
        "create table flowctl.mine (n int)",
        "update flowctl.migrations set version = 0",
    ],
)
def test_it_may_not(dispatcher: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        dispatcher.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "update message_logs set status = 'pending' where status = 'sent'",
        "update message_logs set sent_at = now() where status = 'sent'",
        "update message_logs set content = 'something else' where status = 'sent'",
    ],
)
def test_it_may_not_rewrite_what_was_sent(dispatcher: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        dispatcher.execute(statement.encode())
