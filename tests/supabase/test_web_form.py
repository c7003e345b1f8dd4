"""A public form, which may only insert leads, gets its messages scheduled in every project."""

from collections.abc import Iterator

import pytest
from psycopg.errors import InsufficientPrivilege, QueryCanceled

from tests.docs.readme import block
from tests.support.factories import messages
from tests.support.postgres import Connection
from tests.support.supabase import Caller, Project

LEAD = b"""
insert into public.leads (first_name, email, phone, timezone)
values ('Ada', 'ada@example.com', '+14155550123', 'America/Los_Angeles')
"""


@pytest.fixture
def owner(applied: Project) -> Iterator[Connection]:
    """The owner's connection to a project where README was followed."""
    with applied.connect() as connection:
        connection.execute(block("3. The leads", "sql").encode())
        connection.execute("insert into flow_steps (type, content) values ('text', 'Hi')")
        yield connection


def test_the_whole_schedule_is_made_within_the_forms_own_time_limit(
    applied: Project, owner: Connection
) -> None:
    owner.execute(
        """update flows set send_window = '{"start": "8:00 AM", "end": "8:00 PM"}', """
        """audience = '{"first_name": "Ada"}'"""
    )
    owner.execute(
        "insert into flow_steps (type, content, day, time) "
        "select 'text', repeat('Hi {{ first_name }} ', 20), day, '9:00 AM' "
        "from generate_series(1, 299) as day"
    )
    with applied.call(Caller.ANON, commit=True) as form:
        assert form.execute("show statement_timeout").fetchone() == ("3s",)
        form.execute(LEAD)
    assert messages(owner, "status") == [("pending",)] * 300


def test_the_time_limit_is_the_servers_own(applied: Project) -> None:
    with applied.call(Caller.ANON) as form:
        form.execute("set local statement_timeout = '1ms'")
        with pytest.raises(QueryCanceled):
            form.execute("select count(*) from generate_series(1, 100000000)")


def test_tables_and_functions_of_the_forms_own_are_not_taken_for_ours(
    applied: Project, owner: Connection
) -> None:
    with applied.call(Caller.ANON, commit=True) as form:
        for name in ("leads", "flows", "flow_steps", "timezones", "new_leads", "text", "jsonb"):
            form.execute(f"create temp table {name} (id uuid, name pg_catalog.text)".encode())
        form.execute("create temp table message_logs (like pg_temp.leads)")
        form.execute(
            "create function pg_temp.to_jsonb(anyelement) returns pg_catalog.jsonb "
            "language sql as 'select null::pg_catalog.jsonb'"
        )
        form.execute(
            "create function pg_temp.now() returns timestamptz "
            "language sql as $$select timestamptz '1999-01-01'$$"
        )
        form.execute("set local search_path = pg_temp, public, pg_catalog")
        form.execute(LEAD)
        assert form.execute("select from pg_temp.message_logs").rowcount == 0
    assert messages(owner, "status", "content") == [("pending", "Hi")]
    assert (
        owner.execute(
            "select from message_logs where scheduled_for > created_at - '1 min'::interval"
        ).rowcount
        == 1
    )


@pytest.mark.parametrize(
    "statement",
    [
        "select email from leads",
        "insert into leads (email) values ('a@example.com') returning id",
        "insert into leads (id) values (gen_random_uuid())",
        "insert into leads (email, created_at) values ('a@example.com', '1970-01-01')",
        "insert into leads (email) values ('a@example.com') on conflict (id) do nothing",
        "insert into leads (email) values ('a@b.com') on conflict (id) do update set id = null",
        "insert into leads (email) values ('nobody')",
        "update leads set email = 'b@example.com'",
        "delete from leads",
        "truncate leads cascade",
        "select from message_logs",
        "select from flow_steps",
        "select schedule_messages_for_lead(gen_random_uuid())",
        "select auto_schedule_messages()",
        "copy leads to stdout",
    ],
)
def test_the_form_does_nothing_else(applied: Project, owner: Connection, statement: str) -> None:
    with applied.call(Caller.ANON) as form, pytest.raises(InsufficientPrivilege):
        form.execute(statement.encode())
    assert owner.execute("select from leads").rowcount == 0
