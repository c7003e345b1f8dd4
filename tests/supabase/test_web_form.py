"""A public form, which may only insert leads, gets its messages scheduled in every project."""

from collections.abc import Iterator

import pytest
from psycopg.errors import InsufficientPrivilege

from flowctl import migrate
from tests.docs.readme import block
from tests.support.factories import messages
from tests.support.postgres import Connection
from tests.support.supabase import Caller, Kind, Project, Supabase

LEAD = b"""
insert into public.leads (first_name, email, phone, timezone)
values ('Ada', 'ada@example.com', '+14155550123', 'America/Los_Angeles')
"""


@pytest.fixture(scope="module", params=list(Kind))
def form(request: pytest.FixtureRequest, server: Supabase) -> Iterator[Project]:
    """A project of each kind where README was followed, for tests that leave it as it is."""
    with server.project(request.param) as project, project.connect() as connection:
        migrate.apply(connection)
        connection.execute(block("3. The leads", "sql").encode())
        yield project


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
    with applied.call(Caller.ANON, commit=True) as request:
        assert request.execute("show statement_timeout").fetchone() == ("3s",)
        request.execute(LEAD)
    assert messages(owner, "status") == [("pending",)] * 300


def test_tables_and_functions_of_the_forms_own_are_not_taken_for_ours(
    applied: Project, owner: Connection
) -> None:
    with applied.call(Caller.ANON, commit=True) as request:
        for name in ("leads", "flows", "flow_steps", "zones", "new_leads", "text", "jsonb"):
            request.execute(f"create temp table {name} (id uuid, name pg_catalog.text)".encode())
        request.execute("create temp table message_logs (like pg_temp.leads)")
        request.execute(
            "create function pg_temp.to_jsonb(anyelement) returns pg_catalog.jsonb "
            "language sql as 'select null::pg_catalog.jsonb'"
        )
        request.execute(
            "create function pg_temp.now() returns timestamptz "
            "language sql as $$select timestamptz '1999-01-01'$$"
        )
        request.execute("set local search_path = pg_temp, public, pg_catalog")
        request.execute(LEAD)
        assert request.execute("select from pg_temp.message_logs").rowcount == 0
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
def test_the_form_does_nothing_else(form: Project, statement: str) -> None:
    with form.call(Caller.ANON) as request, pytest.raises(InsufficientPrivilege):
        request.execute(statement.encode())
