"""What the doctor finds in a database, each fault made by hand."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import LiteralString

import pytest
from psycopg import sql

from flowctl import database as db
from flowctl import migrate
from flowctl.doctor import Check, Grade, examine, sound_settings
from flowctl.store import doctor as doctor_store
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.postgres import Connection
from tests.support.roles import as_role, reader

Look = Callable[[], Mapping[str, list[Check]]]


def looked(url: str, **environ: str) -> dict[str, list[Check]]:
    """Everything the doctor finds in a database, by the name of the check."""
    sound = sound_settings(environ)
    report = examine(lambda: db.connect(url), sound.settings, [sound.check])
    found: dict[str, list[Check]] = {}
    for check in report.checks:
        found.setdefault(check.name, []).append(check)
    return found


def faults(found: Mapping[str, list[Check]]) -> set[str]:
    """The names of the checks that found a fault."""
    return {
        check.name for checks in found.values() for check in checks if check.status is Grade.FAULT
    }


@pytest.fixture
def look(database: str) -> Look:
    """What the doctor finds in the test's database."""
    return lambda: looked(database)


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


def the(found: Mapping[str, list[Check]], name: str) -> Check:
    """The one check of that name."""
    (check,) = found[name]
    return check


def test_a_working_set_up_has_no_fault(conn: Connection, database: str) -> None:
    a_step(conn, day=3)
    a_lead(conn)
    found = looked(database)
    assert not faults(found)
    assert {check.status for checks in found.values() for check in checks} == {
        Grade.OK,
        Grade.NOTE,  # no email server is configured
    }


def test_a_flow_without_steps_is_a_note(conn: Connection, look: Look) -> None:
    a_step(conn)
    a_flow(conn, "lonely")
    check = the(look(), "flows")
    assert (check.status, check.detail) == (Grade.NOTE, "no steps in lonely")


def test_an_older_schema_is_named_with_its_command(conn: Connection, look: Look) -> None:
    conn.execute("update flowctl.routines set checksum = 'x' where name = 'time_of_day'")
    check = the(look(), "schema")
    assert check.status is Grade.FAULT
    assert check.hint == "run: flowctl apply-schema"


def test_a_newer_schema_is_named(conn: Connection, look: Look) -> None:
    conn.execute("insert into flowctl.migrations values (9999, '9999_later')")
    check = the(look(), "schema")
    assert check.status is Grade.NOTE
    assert "newer than this flowctl" in check.detail


def test_a_database_without_the_schema_is_not_looked_at_further(empty_database: str) -> None:
    found = looked(empty_database)
    assert faults(found) == {"schema"}
    assert "triggers" not in found


def test_a_missing_trigger_is_a_fault(conn: Connection, look: Look) -> None:
    conn.execute("drop trigger auto_schedule_messages on leads")
    check = the(look(), "triggers")
    assert (check.status, check.detail) == (
        Grade.FAULT,
        "auto_schedule_messages on public.leads is missing",
    )


def test_what_to_type_for_a_missing_trigger_brings_it_back(conn: Connection, look: Look) -> None:
    conn.execute("drop trigger auto_schedule_messages on leads")
    statement, _, command = the(look(), "triggers").hint.partition(" and then: ")
    assert command == "flowctl apply-schema"
    conn.execute(statement.encode())
    migrate.apply(conn)
    assert the(look(), "triggers").status is Grade.OK


@pytest.mark.parametrize(
    ("table", "trigger"),
    [
        ("leads", "auto_schedule_messages"),
        ("message_logs", "guard_sent_message"),
        ("flow_steps", "check_step"),
    ],
)
def test_a_trigger_that_is_off_is_a_fault(
    conn: Connection, look: Look, table: str, trigger: str
) -> None:
    conn.execute(f"alter table {table} disable trigger {trigger}".encode())
    check = the(look(), "triggers")
    assert check.status is Grade.FAULT
    conn.execute(check.hint.encode())
    assert the(look(), "triggers").status is Grade.OK


def test_another_trigger_that_schedules_is_a_fault(conn: Connection, look: Look) -> None:
    conn.execute(
        """create function mine() returns trigger language plpgsql as
        'begin perform public.schedule_messages_for_lead(new.id); return new; end'"""
    )
    conn.execute("create trigger mine after insert on leads for each row execute function mine()")
    check = the(look(), "triggers")
    assert check.detail == "mine on public.leads schedules messages too"
    conn.execute(check.hint.encode())
    assert the(look(), "triggers").status is Grade.OK


def test_a_trigger_of_the_users_own_is_nobodys_business(conn: Connection, look: Look) -> None:
    conn.execute(
        "create function mine() returns trigger language plpgsql as 'begin return new; end'"
    )
    conn.execute("create trigger mine before insert on leads for each row execute function mine()")
    assert the(look(), "triggers").status is Grade.OK


def test_a_function_that_was_replaced_is_a_fault(conn: Connection, look: Look) -> None:
    conn.execute(
        """create or replace function public.auto_schedule_messages() returns trigger
        language plpgsql as 'begin return null; end'"""
    )
    found = look()
    assert the(found, "functions").detail == "public.auto_schedule_messages is not ours"
    assert the(found, "function rights").detail == (
        "auto_schedule_messages() has no fixed search_path"
    )


def test_a_second_function_of_our_name_is_a_fault(conn: Connection, look: Look) -> None:
    conn.execute(
        """create function public.schedule_messages_for_lead(loud boolean) returns integer
        language sql as 'select 1'"""
    )
    assert "schedule_messages_for_lead" in the(look(), "functions").detail


def test_leads_that_the_role_may_not_read_are_a_fault(conn: Connection, database: str) -> None:
    with reader(conn, database) as url:
        of_reader(conn, "revoke select on leads from {role}")
        check = the(looked(url), "leads")
    assert check.status is Grade.FAULT
    assert check.hint.startswith('grant select on public.leads to "reader_of_')


def test_leads_hidden_by_row_level_security_are_a_fault(conn: Connection, database: str) -> None:
    with reader(conn, database, bypasses_policies=False) as url:
        check = the(looked(url), "leads")
        assert check.status is Grade.FAULT
        conn.execute(check.hint.encode())
        assert the(looked(url), "leads").status is Grade.OK


def test_a_reader_finds_what_the_owner_finds(conn: Connection, database: str) -> None:
    a_step(conn, day=3)
    conn.execute("alter table leads disable trigger auto_schedule_messages")
    with reader(conn, database) as url:
        found = looked(url)
    assert faults(found) == {"triggers"}
    assert not [c for checks in found.values() for c in checks if "skipped" in c.detail]


def test_what_a_role_may_not_see_is_a_note(conn: Connection, database: str) -> None:
    with reader(conn, database) as url:
        of_reader(conn, "revoke select on message_logs, flowctl.sends from {role}")
        found = looked(url)
    assert the(found, "claims").status is Grade.NOTE
    assert "permission denied" in the(found, "claims").detail
    assert the(found, "grants").status is Grade.OK


def of_reader(conn: Connection, statement: LiteralString) -> None:
    """Run a statement about the role that ``reader`` has made."""
    role = sql.Identifier(f"reader_of_{conn.info.dbname}")
    conn.execute(sql.SQL(statement).format(role=role))


def bypassing(conn: Connection, table: str, statement: str) -> None:
    """Write past the triggers of a table, as a restore can."""
    conn.execute(f"alter table {table} disable trigger user".encode())
    conn.execute(statement.encode())
    conn.execute(f"alter table {table} enable trigger user".encode())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("time_type = 'specific', time = 'in the morning'", "no readable time"),
        ("subject = null", "no subject"),
        ("content = ' '", "no content"),
    ],
)
def test_a_step_that_cannot_be_scheduled_is_a_fault(
    conn: Connection, look: Look, change: str, reason: str
) -> None:
    a_step(conn, key="welcome")
    bypassing(conn, "flow_steps", f"update flow_steps set {change}")  # noqa: S608 - the test's own
    check = the(look(), "steps")
    assert (check.status, check.detail) == (Grade.FAULT, f"default/welcome: {reason}")


def test_a_template_that_the_crm_wrote_wrong_is_a_fault(conn: Connection, look: Look) -> None:
    a_step(conn, key="welcome", content="Hello {{ first_name")
    a_step(conn, key="draft", content="{% nonsense %}", enabled=False)
    check = the(look(), "templates")
    assert check.status is Grade.FAULT
    assert check.detail.startswith("default/welcome: content: ")
    assert "draft" not in check.detail
    assert "steps sync" in check.hint


def test_the_hint_for_a_template_fits_where_its_step_was_made(conn: Connection, look: Look) -> None:
    a_step(conn, content="Hello {{ first_name")
    check = the(look(), "templates")
    assert check.detail.startswith("default/#1: content: ")
    assert "public.flow_steps" in check.hint


def test_a_zone_that_the_server_does_not_know_is_a_fault(conn: Connection, look: Look) -> None:
    a_step(conn)
    bypassing(conn, "flows", "update flows set timezone = 'Europe/Atlantis'")
    check = the(look(), "flows")
    assert check.detail == "default: there is no zone Europe/Atlantis"
    assert check.status is Grade.FAULT


def test_a_send_window_that_never_opens_is_a_fault(conn: Connection, look: Look) -> None:
    a_step(conn)
    bypassing(
        conn,
        "flows",
        """update flows set send_window = '{"start": "9:00 AM", "days": ["never"]}'""",
    )
    check = the(look(), "flows")
    assert check.detail == "the send window never opens in default"
    assert check.status is Grade.FAULT


def test_a_pair_that_is_there_twice_is_a_fault(conn: Connection, look: Look) -> None:
    a_step(conn, day=3)
    a_lead(conn)
    conn.execute("alter table message_logs drop constraint message_logs_lead_step")
    check = the(look(), "pairs")
    assert check.detail == "nothing keeps a lead from getting a step twice"
    conn.execute(
        """insert into message_logs (lead_id, flow_step_id, message_type, content, scheduled_for)
        select lead_id, flow_step_id, message_type, content, scheduled_for from message_logs"""
    )
    assert "1 of leads and steps have several" in the(look(), "pairs").detail


def test_a_pending_message_for_a_suppressed_address_is_a_note(
    conn: Connection, database: str
) -> None:
    a_step(conn, day=3)
    a_step(conn, day=3, type="text")
    a_lead(conn, email="Ada@Example.com", phone="(415) 555-0123")
    assert the(looked(database), "suppressed").status is Grade.OK
    conn.execute("insert into suppressions values ('email', 'ada@example.com', 'asked us')")
    conn.execute("insert into suppressions values ('text', '+14155550123', 'asked us')")
    check = the(looked(database), "suppressed")
    assert (check.status, check.detail[:18]) == (Grade.NOTE, "1 pending message ")
    check = the(looked(database, FLOWCTL_DEFAULT_REGION="US"), "suppressed")
    assert check.detail.startswith("2 pending messages ")


def test_a_claim_left_behind_is_a_fault(conn: Connection, look: Look) -> None:
    a_step(conn)
    a_lead(conn)
    claim = "update message_logs set claimed_by = gen_random_uuid(), lease_until = now() + %s"
    conn.execute(claim.encode(), ("2 minutes",))
    assert the(look(), "claims").status is Grade.OK
    conn.execute(claim.encode(), ("-1 day",))
    check = the(look(), "claims")
    assert (check.status, check.hint) == (Grade.FAULT, "flowctl dispatch --once")
    assert check.detail.startswith("1 claim left behind, the oldest ended 1d 0h ago")


@pytest.mark.parametrize(
    ("ended", "grade"), [("-2 minutes", Grade.NOTE), ("-1 day", Grade.FAULT), ("1 m", Grade.OK)]
)
def test_a_send_in_doubt_is_named(conn: Connection, look: Look, ended: str, grade: Grade) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute(
        """insert into flowctl.sends
        (message_id, lead_id, channel, transport, recipient, content, claimed_by, lease_until)
        select id, lead_id, 'email', 'smtp', 'x@example.com', 'x', gen_random_uuid(),
          now() + %s::interval
        from message_logs""",
        (ended,),
    )
    assert the(look(), "sends").status is grade


def test_an_unknown_outcome_waits_for_a_person(conn: Connection, look: Look) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("update message_logs set status = 'failed', is_unknown = true")
    check = the(look(), "unknown outcomes")
    assert (check.status, check.detail[:10]) == (Grade.NOTE, "1 message ")


@pytest.mark.parametrize(
    ("sent", "grade"),
    [
        ("sent_at = now(), recipient = 'a@example.com', attempts = 1", Grade.OK),
        ("sent_at = now(), attempts = 1", Grade.FAULT),
        ("sent_at = now()", Grade.OK),  # adopted from an earlier script
        ("recipient = 'a@example.com'", Grade.FAULT),
    ],
)
def test_a_sent_message_says_when_and_to_whom(
    conn: Connection, look: Look, sent: str, grade: Grade
) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute(f"update message_logs set status = 'sent', {sent}".encode())  # noqa: S608
    assert the(look(), "sent messages").status is grade


def test_a_lead_that_slipped_past_the_trigger_is_a_fault(conn: Connection, look: Look) -> None:
    a_step(conn, day=1)
    bypassing(conn, "leads", "insert into leads (email) values ('ada@example.com')")
    check = the(look(), "schedules")
    assert check.status is Grade.FAULT
    assert check.detail == "1 lead of the last 7 days without messages, although a flow wanted them"
    assert check.hint.startswith("flowctl leads enroll --flow default ")


def test_a_lead_for_which_it_is_too_late_is_a_note(conn: Connection, look: Look) -> None:
    a_step(conn)
    conn.execute("alter table flow_steps disable trigger user")
    conn.execute("update flow_steps set created_at = created_at - interval '9 days'")
    conn.execute("update flow_steps set updated_at = created_at")
    conn.execute("alter table flow_steps enable trigger user")
    bypassing(
        conn,
        "leads",
        "insert into leads (email, created_at) values ('a@b.c', now() - interval '4 d')",
    )
    assert the(look(), "schedules").status is Grade.NOTE


def test_a_lead_that_no_flow_wanted_is_none(conn: Connection, look: Look) -> None:
    conn.execute("insert into leads (email) values ('before@example.com')")
    a_step(conn)
    a_flow(conn, audience={"source": "shop"})
    conn.execute("insert into leads (email) values ('other@example.com')")
    assert the(look(), "schedules").status is Grade.OK


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
    conn: Connection, look: Look, grant: str, found: str | None
) -> None:
    assert the(look(), "grants").status is Grade.OK
    conn.execute(grant.encode())
    check = the(look(), "grants")
    if found is None:
        assert check.status is Grade.OK
        return
    assert check.status is Grade.FAULT
    assert check.detail.startswith(found)
    conn.execute(check.hint.encode())
    assert the(look(), "grants").status is Grade.OK


@pytest.mark.parametrize(
    "opening",
    [
        "grant execute on function flowctl.time_of_day(text) to public",
        "grant execute on function flowctl.time_of_day(text) to anon",
        "grant execute on function public.auto_schedule_messages() to authenticated",
        "alter function flowctl.time_of_day(text) reset search_path",
    ],
)
@pytest.mark.usefixtures("api_roles")
def test_a_function_too_open_is_a_fault(conn: Connection, look: Look, opening: str) -> None:
    assert the(look(), "function rights").status is Grade.OK
    conn.execute(opening.encode())
    check = the(look(), "function rights")
    assert check.status is Grade.FAULT
    conn.execute(check.hint.encode())
    assert the(look(), "function rights").status is Grade.OK


@pytest.mark.parametrize(
    "opening",
    [
        "alter table message_logs disable row level security",
        "alter table flowctl.sends disable row level security",
        "create policy everybody on message_logs for select using (true)",
        "create policy everybody on flow_steps for all to anon using (true)",
        "alter policy flowctl_staff on flows using (true)",
    ],
)
@pytest.mark.usefixtures("api_roles")
def test_a_policy_too_wide_is_a_fault(conn: Connection, look: Look, opening: str) -> None:
    assert the(look(), "policies").status is Grade.OK
    conn.execute(opening.encode())
    check = the(look(), "policies")
    assert check.status is Grade.FAULT
    conn.execute(check.hint.encode())
    assert the(look(), "policies").status is Grade.OK


def test_a_policy_for_a_role_of_the_users_own_is_nobodys_business(
    conn: Connection, database: str
) -> None:
    with reader(conn, database):
        of_reader(conn, "create policy mine on message_logs for select to {role} using (true)")
        assert the(looked(database), "policies").status is Grade.OK


@pytest.mark.usefixtures("api_roles")
def test_leads_open_to_everybody_are_a_note(conn: Connection, look: Look) -> None:
    conn.execute("grant insert, select on leads to anon")
    assert the(look(), "leads rights").status is Grade.OK
    conn.execute("comment on table leads is 'mine'")
    conn.execute("alter table leads disable row level security")
    check = the(look(), "leads rights")
    assert (check.status, check.detail) == (Grade.NOTE, "anon may select on public.leads")


def test_due_messages_of_a_channel_that_is_not_configured_are_a_fault(
    conn: Connection, look: Look
) -> None:
    a_step(conn)
    a_step(conn, type="text", day=2)
    a_lead(conn)
    email, text = look()["channels"]
    assert (email.status, text.status) == (Grade.FAULT, Grade.NOTE)
    assert email.detail == "1 due message held: email is not configured"
    assert email.hint == "set SMTP_URL, EMAIL_FROM"


def test_national_numbers_without_a_region_are_a_note(conn: Connection, database: str) -> None:
    a_step(conn, type="text", day=2)
    a_lead(conn, phone="(415) 555-0123")
    a_lead(conn, phone="+14155550124")
    assert the(looked(database), "phones").detail.startswith("1 pending text ")
    assert the(looked(database, FLOWCTL_DEFAULT_REGION="US"), "phones").status is Grade.OK


NOBODY_LISTENS = {"SMTP_URL": "smtp://127.0.0.1:1", "EMAIL_FROM": "crm@example.com"}


@pytest.mark.parametrize(
    ("minutes", "grade"), [(0, Grade.OK), (4, Grade.OK), (6, Grade.NOTE), (16, Grade.FAULT)]
)
def test_messages_that_wait_for_long_are_late(
    conn: Connection, database: str, minutes: int, grade: Grade
) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute(
        "update message_logs set scheduled_for = now() - make_interval(mins => %s)", (minutes,)
    )
    check = the(looked(database, **NOBODY_LISTENS), "lag")
    assert check.status is grade
    assert check.detail.startswith(
        f"1 message due, the oldest for {f'{minutes}m ' * (minutes > 0)}"
    )


def test_what_is_held_or_paused_waits_for_something_else(conn: Connection, look: Look) -> None:
    conn.execute("insert into flows (name, paused_at) values ('other', now())")
    a_step(conn)
    a_step(conn, flow="other")
    a_lead(conn)
    conn.execute("update message_logs set scheduled_for = now() - interval '3 hours'")
    check = the(look(), "lag")
    assert check.status is Grade.OK
    assert check.detail == "nothing is due (1 held, 1 in paused flows)"


@pytest.mark.parametrize(
    ("minutes", "exit_status", "grade"),
    [(60, 0, Grade.OK), (60, 6, Grade.NOTE), (1, None, Grade.OK), (60, None, Grade.NOTE)],
)
def test_the_last_run_is_told(
    conn: Connection, look: Look, minutes: int, exit_status: int | None, grade: Grade
) -> None:
    assert the(look(), "last run").detail == "none in 30 days"
    conn.execute(
        "insert into flowctl.runs (id, host, is_loop, exit_status, ended_at, seen_at) "
        "select gen_random_uuid(), 'web-1', false, %(exit)s::int, "
        "case when %(exit)s::int is not null then at.moment end, at.moment "
        "from (select now() - make_interval(mins => %(minutes)s) as moment) as at",
        {"exit": exit_status, "minutes": minutes},
    )
    check = the(look(), "last run")
    assert check.status is grade
    assert "web-1" in check.detail


def test_a_missing_index_is_a_fault(conn: Connection, look: Look) -> None:
    conn.execute("drop index message_logs_due")
    check = the(look(), "vacuum")
    assert check.status is Grade.FAULT
    conn.execute(check.hint.encode())
    assert the(look(), "vacuum").status is Grade.OK


def test_many_dead_rows_are_a_note(conn: Connection, look: Look) -> None:
    conn.execute("alter table message_logs set (autovacuum_enabled = off)")
    a_step(conn)
    conn.execute("insert into leads (email) select 'a@b.c' from generate_series(1, 15000)")
    conn.execute("update message_logs set attempts = 1")
    conn.execute(
        "select pg_stat_force_next_flush()" if conn.info.server_version >= 15_00_00 else ""
    )
    check = the(look(), "vacuum")
    assert (check.status, check.hint) == (Grade.NOTE, "vacuum (analyze) public.message_logs;")


def test_a_server_without_leave_to_write_is_a_fault(conn: Connection, database: str) -> None:
    conn.execute(
        sql.SQL("alter database {} set default_transaction_read_only = on").format(
            sql.Identifier(conn.info.dbname)
        )
    )
    assert the(looked(database), "server").hint == "name the primary in DATABASE_URL"


def test_one_look_that_fails_is_not_the_end(conn: Connection, look: Look) -> None:
    conn.execute("drop table suppressions")
    found = look()
    assert "could not be looked at" in the(found, "suppressed").detail
    assert the(found, "lag").status is Grade.OK


def test_nothing_is_changed(conn: Connection, database: str) -> None:
    a_step(conn)
    a_lead(conn)
    before = conn.execute("select pg_current_wal_insert_lsn(), m.* from message_logs m").fetchall()
    looked(database)
    after = conn.execute("select pg_current_wal_insert_lsn(), m.* from message_logs m").fetchall()
    assert [row[1:] for row in after] == [row[1:] for row in before]


def test_a_value_that_no_program_of_ours_writes_is_not_the_end(
    conn: Connection, look: Look
) -> None:
    a_step(conn)
    conn.execute("alter table flow_steps drop constraint flow_steps_type")
    conn.execute("update flow_steps set type = 'fax'")
    found = look()
    assert the(found, "steps").detail == 'default/#1: unknown type "fax"'
    assert the(found, "templates").status is Grade.FAULT
    assert the(found, "lag").status is Grade.OK


def test_a_role_without_any_right_gets_notes(conn: Connection, database: str) -> None:
    with reader(conn, database) as url:
        of_reader(conn, "drop owned by {role}")
        found = looked(url)
    assert the(found, "schema").status is Grade.NOTE
    assert faults(found) == {"leads"}


def test_a_connection_that_is_cut_is_the_end_of_looking(conn: Connection, database: str) -> None:
    @contextmanager
    def cut() -> Iterator[db.Connection]:
        with db.connect(database) as connection:
            conn.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
            yield connection

    sound = sound_settings({})
    report = examine(cut, sound.settings, [sound.check])
    assert report.unreachable is not None
    assert report.unreachable.exit_code == 4
    assert [check.name for check in report.checks] == ["settings", "connection", "email", "text"]


def test_the_dispatchers_role_finds_no_fault(conn: Connection, database: str) -> None:
    a_step(conn, day=3)
    a_lead(conn)
    conn.execute((db.sql_root() / "roles.sql").read_bytes())
    try:
        found = looked(as_role(database, "flowctl_dispatcher"))
        assert not faults(looked(database))
    finally:
        conn.execute("drop owned by flowctl_dispatcher")
    assert not faults(found)
    assert the(found, "leads").status is Grade.OK
    assert the(found, "lag").status is Grade.OK


def test_a_look_that_takes_too_long_is_given_up(
    conn: Connection, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is locked answers no question: the looks at it end, the others go on."""
    monkeypatch.setattr(doctor_store, "LOOK_SECONDS", 1)
    a_step(conn)
    with conn.transaction():
        conn.execute("lock table suppressions in access exclusive mode")
        found = look()
    check = the(found, "suppressed")
    assert (check.status, check.hint) == (
        Grade.NOTE,
        "flowctl doctor, when the database is less busy",
    )
    assert the(found, "lag").status is Grade.OK


def test_a_column_that_was_renamed_is_named_with_its_steps(conn: Connection, look: Look) -> None:
    a_step(conn, key="welcome", content="Hi {{ first_name }}")
    a_step(conn, key="text", type="text", content="Hi")
    a_lead(conn)
    a_lead(conn, email="bob@example.com")
    assert the(look(), "columns").status is Grade.OK
    conn.execute("alter table leads rename first_name to given_name")
    found = the(look(), "columns")
    assert found.status is Grade.FAULT
    assert "first_name: default/welcome; 2 pending messages" in found.detail
    conn.execute("alter table leads rename given_name to first_name")
    conn.execute("alter table leads drop phone")
    found = the(look(), "columns")
    assert found.status is Grade.FAULT
    assert "phone: default/text; 2 pending messages" in found.detail
