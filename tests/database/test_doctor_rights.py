"""What the doctor finds of rights: those that are too wide, and its own that do not reach."""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from psycopg import sql

from flowctl import database as db
from flowctl import migrate
from flowctl.doctor import Grade
from tests.support.doctor import Examine, examined, faults, the
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection
from tests.support.roles import as_role, reader


@pytest.fixture
def api_roles(conn: Connection) -> Iterator[None]:
    """The roles of an API, with the rights that the schema gives them."""
    names = ("anon", "authenticated", "service_role")
    for name in names:
        conn.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
    try:
        migrate.apply(conn)
        yield
    finally:
        for name in names:
            conn.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
            conn.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_leads_that_the_role_may_not_read_are_a_fault(conn: Connection, database: str) -> None:
    with reader(conn, database) as url:
        of_reader(conn, "revoke select on leads from {role}")
        check = the(examined(url), "leads")
    assert check.status is Grade.FAULT
    assert check.hint.startswith('grant select on public.leads to "reader_of_')


def test_leads_hidden_by_row_level_security_are_a_fault(conn: Connection, database: str) -> None:
    with reader(conn, database, bypasses_policies=False) as url:
        check = the(examined(url), "leads")
        assert check.status is Grade.FAULT
        conn.execute(check.hint.encode())
        assert the(examined(url), "leads").status is Grade.OK


def test_a_reader_finds_what_the_owner_finds(conn: Connection, database: str) -> None:
    a_step(conn, day=3)
    conn.execute("alter table leads disable trigger auto_schedule_messages")
    with reader(conn, database) as url:
        found = examined(url)
    assert faults(found) == {"triggers"}
    assert not [c for checks in found.values() for c in checks if "skipped" in c.detail]


def test_what_a_role_may_not_see_is_a_note(conn: Connection, database: str) -> None:
    with reader(conn, database) as url:
        of_reader(conn, "revoke select on message_logs, flowctl.sends from {role}")
        found = examined(url)
    assert the(found, "claims").status is Grade.NOTE
    assert "permission denied" in the(found, "claims").detail
    assert the(found, "grants").status is Grade.OK


def of_reader(conn: Connection, statement: LiteralString) -> None:
    """Run a statement about the role that ``reader`` has made."""
    role = sql.Identifier(f"reader_of_{conn.info.dbname}")
    conn.execute(sql.SQL(statement).format(role=role))


@pytest.mark.parametrize(
    ("grant", "found"),
    [
        ("grant select on message_logs to public", "public may select on public.message_logs"),
        ("grant truncate on flows to anon", "anon may truncate on public.flows"),
        ("grant update on message_logs to authenticated", "authenticated may update on "),
        ("grant select (email) on leads to public", None),
        ("grant update (content) on flow_steps to anon", "anon may update (content) on "),
        ("grant usage on schema flowctl to anon", "anon may usage on schema flowctl"),
        ("grant select on flowctl.sends to service_role", "service_role may select on "),
        ("grant truncate on message_logs to service_role", "service_role may truncate on "),
    ],
)
@pytest.mark.usefixtures("api_roles")
def test_a_grant_too_wide_is_a_fault(
    conn: Connection, doctor: Examine, grant: str, found: str | None
) -> None:
    assert the(doctor(), "grants").status is Grade.OK
    conn.execute(grant.encode())
    check = the(doctor(), "grants")
    if found is None:
        assert check.status is Grade.OK
        return
    assert check.status is Grade.FAULT
    assert check.detail.startswith(found)
    conn.execute(check.hint.encode())
    assert the(doctor(), "grants").status is Grade.OK


@pytest.mark.parametrize(
    ("name", "opening"),
    [
        ("function rights", "grant execute on function flowctl.time_of_day(text) to public"),
        ("function rights", "grant execute on function flowctl.time_of_day(text) to anon"),
        (
            "function rights",
            "grant execute on function public.auto_schedule_messages() to authenticated",
        ),
        ("function rights", "alter function flowctl.time_of_day(text) reset search_path"),
        ("policies", "alter table message_logs disable row level security"),
        ("policies", "alter table flowctl.sends disable row level security"),
        ("policies", "create policy everybody on message_logs for select using (true)"),
        ("policies", "create policy everybody on flow_steps for all to anon using (true)"),
        ("policies", "alter policy flowctl_staff on flows using (true)"),
    ],
)
@pytest.mark.usefixtures("api_roles")
def test_what_is_too_open_is_a_fault(
    conn: Connection, doctor: Examine, name: str, opening: str
) -> None:
    assert the(doctor(), name).status is Grade.OK
    conn.execute(opening.encode())
    check = the(doctor(), name)
    assert check.status is Grade.FAULT
    conn.execute(check.hint.encode())
    assert the(doctor(), name).status is Grade.OK


def test_a_policy_for_a_role_of_the_users_own_is_nobodys_business(
    conn: Connection, database: str
) -> None:
    with reader(conn, database):
        of_reader(conn, "create policy mine on message_logs for select to {role} using (true)")
        assert the(examined(database), "policies").status is Grade.OK


@pytest.mark.usefixtures("api_roles")
def test_leads_open_to_everybody_are_a_note(conn: Connection, doctor: Examine) -> None:
    conn.execute("grant insert, select on leads to anon")
    assert the(doctor(), "leads rights").status is Grade.OK
    conn.execute("comment on table leads is 'mine'")
    conn.execute("alter table leads disable row level security")
    check = the(doctor(), "leads rights")
    assert (check.status, check.detail) == (Grade.NOTE, "anon may select on public.leads")


def test_a_role_without_any_right_gets_notes(conn: Connection, database: str) -> None:
    with reader(conn, database) as url:
        of_reader(conn, "drop owned by {role}")
        found = examined(url)
    assert the(found, "schema").status is Grade.NOTE
    assert faults(found) == {"leads"}


def test_the_dispatchers_role_finds_no_fault(conn: Connection, database: str) -> None:
    a_step(conn, day=3)
    a_lead(conn)
    conn.execute((db.sql_root() / "roles.sql").read_bytes())
    try:
        found = examined(as_role(database, "flowctl_dispatcher"))
        assert not faults(examined(database))
    finally:
        conn.execute("drop owned by flowctl_dispatcher")
    assert not faults(found)
    assert the(found, "leads").status is Grade.OK
    assert the(found, "lag").status is Grade.OK
