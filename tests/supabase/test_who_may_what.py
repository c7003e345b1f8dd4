"""Who may what, cell by cell, on each kind of project, by requests as the API makes them."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product

import pytest
from psycopg.errors import CheckViolation, DataError, InsufficientPrivilege, UniqueViolation

from flowctl import migrate
from tests.supabase.actions import ACTIONS, DONE, HIDDEN, REFUSED, expected
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_lead, a_step
from tests.support.postgres import connect
from tests.support.supabase import Caller, Kind, Project, Supabase


@pytest.fixture(scope="module", params=list(Kind))
def used(
    request: pytest.FixtureRequest, server: Supabase
) -> Iterator[tuple[Project, dict[str, str]]]:
    """A project of each kind with a lead, a sent and a pending message, and their ids."""
    with server.project(request.param) as project, project.connect() as owner:
        migrate.apply(owner)
        owner.execute("insert into flows (name) values ('spare')")
        owner.execute(
            "insert into suppressions (channel, address) values ('email', 'a@example.com')"
        )
        ids = {
            "step": str(a_step(owner)),
            "waiting": str(a_step(owner, day=1)),
            "lead": str(a_lead(owner)),
        }
        assert dispatch_once(project.url).totals.sent == 1
        yield project, ids


@pytest.mark.parametrize(
    ("caller", "table", "action"),
    [
        pytest.param(caller, table, action, id=f"{caller}-{action}-{table}")
        for caller, table in product(Caller, ACTIONS)
        for action in ACTIONS[table]
    ],
)
def test_each_cell(
    used: tuple[Project, dict[str, str]], caller: Caller, table: str, action: str
) -> None:
    project, ids = used
    statement = ACTIONS[table][action].format(**ids).encode()
    with project.call(caller) as request:
        try:
            found = DONE if request.execute(statement).rowcount else HIDDEN
        except InsufficientPrivilege:
            found = REFUSED
    assert found == expected(caller, table, action)


CLOSED = """
select p.oid::regprocedure::text
from pg_proc as p
where p.pronamespace in ('public'::regnamespace, 'flowctl'::regnamespace)
  and has_function_privilege(%(role)s, p.oid, 'execute')
"""


FUNCTIONS = {
    "schedule_messages_for_lead(uuid)": "select schedule_messages_for_lead(lead_id => '{lead}')",
    "enroll_lead(uuid,text)": "select enroll_lead(lead_id => '{lead}', flow => 'default')",
    "message_schedule(uuid)": "select message_schedule(lead_id => '{lead}')",
    "unsubscribe(uuid)": "select unsubscribe(message_id => gen_random_uuid())",
}
"""Those of schema public, and calls with named arguments, as the API makes them."""

MAY_CALL: dict[Caller, set[str]] = {
    Caller.ANON: set(),
    Caller.VISITOR: {"message_schedule(uuid)"},
    Caller.STAFF: {"message_schedule(uuid)"},
    Caller.SERVICE: set(FUNCTIONS),
}


@pytest.mark.parametrize("caller", Caller)
def test_who_may_call_which_function(used: tuple[Project, dict[str, str]], caller: Caller) -> None:
    project, ids = used
    with project.connect() as owner:
        callable_ = {row[0] for row in owner.execute(CLOSED, {"role": caller.role})}
        (usage,) = owner.execute(
            "select has_schema_privilege(%s, 'flowctl', 'usage')", (caller.role,)
        ).fetchone() or (None,)
    assert usage is False
    assert callable_ == MAY_CALL[caller]
    for name, call in FUNCTIONS.items():
        with project.call(caller) as request:
            statement = call.format(**ids).encode()
            if name in callable_:
                request.execute(statement)
            else:
                with pytest.raises(InsufficientPrivilege):
                    request.execute(statement)


@pytest.mark.parametrize("caller", [Caller.VISITOR, Caller.STAFF, Caller.SERVICE])
def test_the_schedule_is_for_those_who_may_read_messages(
    used: tuple[Project, dict[str, str]], caller: Caller
) -> None:
    project, ids = used
    with project.call(caller) as request:
        rows = request.execute(
            "select step_order, type, status, timezone from message_schedule(%s::uuid)",
            (ids["lead"],),
        ).fetchall()
    seen = [] if caller is Caller.VISITOR else ["sent", "pending"]
    assert rows == [(n, "email", status, "UTC") for n, status in enumerate(seen, 1)]


MAKES = (
    "create trigger spy after insert on message_logs execute function auto_schedule_messages()",
    "create index on message_logs (content)",
    "create policy mine on message_logs using (true)",
    "create table flowctl.mine (n integer)",
    "alter table message_logs disable row level security",
    "alter table message_logs disable trigger user",
    "alter function auto_schedule_messages() security invoker",
    "comment on table message_logs is 'mine'",
    "set local session_replication_role = replica",
    "select from flowctl.sends",
    "select flowctl.schedule_leads(array[gen_random_uuid()])",
)


@pytest.mark.parametrize("statement", MAKES)
@pytest.mark.parametrize("caller", Caller)
def test_nobody_makes_or_unmakes_anything_beside_it(
    used: tuple[Project, dict[str, str]], caller: Caller, statement: str
) -> None:
    project, _ = used
    with project.call(caller) as request, pytest.raises(InsufficientPrivilege):
        request.execute(statement.encode())


@pytest.mark.parametrize("caller", Caller)
def test_nobody_hands_rights_on(used: tuple[Project, dict[str, str]], caller: Caller) -> None:
    project, _ = used
    with project.call(caller) as request:
        request.execute("savepoint before")
        try:
            request.execute("grant select on message_logs to public")
        except InsufficientPrivilege:
            request.execute("rollback to before")
        # with a right to the table, but none to hand on, it is a warning
        open_to_all = request.execute(
            "select from pg_class cross join lateral aclexplode(relacl) as entry "
            "where oid = 'message_logs'::regclass and entry.grantee = 0"
        )
        assert open_to_all.rowcount == 0


REWRITES = {
    "status": "update message_logs set status = 'pending' where status = 'sent'",
    "sent_at": "update message_logs set sent_at = null where status = 'sent'",
    "lead": "update message_logs set lead_id = gen_random_uuid() where status = 'sent'",
    "id": "update message_logs set id = gen_random_uuid() where status = 'sent'",
    "upsert": "insert into message_logs "
    "(lead_id, flow_step_id, message_type, content, scheduled_for) "
    "values ('{lead}', '{step}', 'email', 'again', now()) "
    "on conflict (lead_id, flow_step_id) do update set status = 'pending'",
    "twin": "insert into message_logs "
    "(lead_id, flow_step_id, message_type, content, scheduled_for) "
    "values ('{lead}', '{step}', 'email', 'again', now())",
}


@pytest.mark.parametrize("change", REWRITES)
@pytest.mark.parametrize("role", ["postgres", "supabase_admin", *Caller])
def test_sent_is_final_for_everybody(
    used: tuple[Project, dict[str, str]], role: str, change: str
) -> None:
    project, ids = used
    refusals = (CheckViolation, UniqueViolation, InsufficientPrivilege)
    statement = REWRITES[change].format(**ids).encode()
    with ExitStack() as stack:
        if role in set(Caller):
            request = stack.enter_context(project.call(Caller(role)))
        else:
            request = stack.enter_context(connect(project.url_for(role)))
        with pytest.raises(refusals):
            request.execute(statement)


FORGED = [
    "",
    "null",
    "[]",
    '"staff"',
    '"{\\"app_metadata\\": {\\"flowctl\\": \\"staff\\"}}"',
    '[{"app_metadata": {"flowctl": "staff"}}]',
    '{"app_metadata.flowctl": "staff"}',
    '{"app_metadata": "{\\"flowctl\\": \\"staff\\"}"}',
    '{"app_metadata": {"app_metadata": {"flowctl": "staff"}}}',
    '{"user_metadata": {"flowctl": "staff", "app_metadata": {"flowctl": "staff"}}}',
    '{"app_metadata": {"flowctl": "staff "}}',
    '{"app_metadata": {"flowctl": true}}',
    '{"APP_METADATA": {"FLOWCTL": "staff"}}',
    '{"role": "service_role", "is_anonymous": true}',
]


@pytest.mark.parametrize("claims", FORGED)
def test_claims_that_only_look_like_the_right_one_show_no_row(
    used: tuple[Project, dict[str, str]], claims: str
) -> None:
    project, _ = used
    for table in ("flows", "flow_steps", "message_logs", "suppressions"):
        with project.request("authenticated", claims) as request:
            assert request.execute(ACTIONS[table]["select"].encode()).rowcount == 0
    with (
        project.request("authenticated", claims) as request,
        pytest.raises(InsufficientPrivilege),
    ):
        request.execute(ACTIONS["flows"]["insert"].encode())


@pytest.mark.parametrize("claims", ["{", "staff", '{"app_metadata": {"flowctl": "staff\\u0000"}}'])
def test_claims_that_are_no_json_show_nothing(
    used: tuple[Project, dict[str, str]], claims: str
) -> None:
    project, _ = used
    with project.request("authenticated", claims) as request, pytest.raises(DataError):
        request.execute(ACTIONS["flows"]["select"].encode())


def test_the_right_claim_is_worth_nothing_without_signing_in(
    used: tuple[Project, dict[str, str]],
) -> None:
    project, _ = used
    with (
        project.request("anon", Caller.STAFF.claims) as request,
        pytest.raises(InsufficientPrivilege),
    ):
        request.execute(ACTIONS["flows"]["select"].encode())
