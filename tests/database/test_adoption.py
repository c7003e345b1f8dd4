"""Tables that an earlier script made by hand are taken over, with their history."""

from collections.abc import Iterator

import psycopg
import pytest

from flowctl import database as db
from flowctl import migrate
from flowctl.errors import InputError
from tests.support.dispatching import dispatch_once
from tests.support.postgres import Connection, connect

BY_HAND = """
create function uuid_like() returns uuid language sql as 'select gen_random_uuid()';

create table leads (
  id uuid primary key default uuid_like(), created_at timestamptz default now(), email text, phone text
);

create table flow_steps (
  id uuid default uuid_like(), step_order smallint, type varchar(10), subject varchar(200),
  content text, day smallint, time text, time_type varchar(20) default 'immediate',
  enabled boolean default true, created_at timestamp default now(), updated_at timestamp,
  constraint a_check check (type in ('email', 'sms'))
);

create table message_logs (
  id uuid default uuid_like(), lead_id uuid, flow_step_id uuid, message_type varchar(10),
  subject text, content text, status varchar(20) default 'pending', scheduled_for timestamp,
  sent_at timestamp, error_message text, created_at timestamp default now()
);

create unique index once on message_logs (lead_id, flow_step_id) where status <> 'failed';

create function auto_schedule_messages() returns trigger language plpgsql as
'begin perform schedule_messages_for_lead(new.id, true); return new; end';

create function schedule_messages_for_lead(lead uuid, loud boolean) returns void
language sql as 'select';

create function schedule_messages_for_lead(lead uuid, step uuid) returns integer
language sql as 'select 1';

create trigger on_lead after insert on leads for each row execute function auto_schedule_messages();
create trigger on_lead_again after insert on leads
for each row execute function auto_schedule_messages();

alter table flow_steps enable row level security;
create policy everybody on flow_steps for all using (true) with check (true);
create policy everybody on message_logs for all using (true);
grant all on flow_steps, message_logs to public;

insert into leads (id, email) values
  ('00000000-0000-0000-0000-00000000000a', 'ada@example.com'),
  ('00000000-0000-0000-0000-00000000000b', 'bob@example.com');

insert into flow_steps (id, step_order, type, subject, content, day, time, time_type, enabled) values
  ('00000000-0000-0000-0000-000000000001', 10, 'email', 'Welcome', 'Hello', 0, null, 'immediate', true),
  ('00000000-0000-0000-0000-000000000002', 30, 'sms', null, 'Hi', 1, '9 am', 'specific', true),
  ('00000000-0000-0000-0000-000000000003', 50, 'email', 'Later', 'Bye', 2, 'in the morning', 'specific', true),
  ('00000000-0000-0000-0000-000000000004', null, 'email', null, 'No subject', null, null, null, null);

insert into message_logs
  (lead_id, flow_step_id, message_type, subject, content, status, scheduled_for, sent_at, error_message)
values
  ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000001', 'email', 'W', 'H',
   'failed', '2026-01-01 09:00', null, 'first try'),
  ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000001', 'email', 'W', 'H',
   'failed', '2026-01-01 09:10', null, 'second try'),
  ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000001', 'email', 'W', 'H',
   'sent', '2026-01-01 09:20', '2026-01-01 09:21', null),
  ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-000000000001', 'email', 'W', 'H',
   'pending', '2026-01-02 09:00', null, null),
  ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-000000000002', 'sms', null, 'Hi',
   'delivered', '2026-01-02 09:00', null, null),
  ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-0000000000ff', 'email', 'gone', 'x',
   'sent', '2026-01-02 09:00', '2026-01-02 09:00', null),
  (null, null, 'email', 'nobody', 'x', 'sent', '2026-01-02 09:00', '2026-01-02 09:00', null);
"""  # noqa: E501 - rows of a table


@pytest.fixture
def by_hand(empty_database: str) -> Iterator[Connection]:
    """A database with the tables of an earlier script."""
    with connect(empty_database) as connection:
        connection.execute(BY_HAND.encode())
        yield connection


def adopted(connection: Connection) -> dict[str, int]:
    """What adoption says it did."""
    rows = connection.execute("select what, things from flowctl.adoptions").fetchall()
    return dict(rows)


def test_no_message_of_the_history_is_lost(by_hand: Connection) -> None:
    migrate.apply(by_hand)
    kept = by_hand.execute(
        "select l.email, m.status, m.error_message, m.flow_step_id is null, m.sent_at is not null "
        "from message_logs m join leads l on l.id = m.lead_id order by 1, 2, 4"
    ).fetchall()
    assert kept == [
        ("ada@example.com", "sent", None, False, True),
        ("bob@example.com", "pending", None, False, False),
        ("bob@example.com", "sent", None, False, True),
        ("bob@example.com", "sent", None, True, True),
    ]
    archived = by_hand.execute(
        "select status, error_message, subject, reason from flowctl.message_archive order by 2"
    ).fetchall()
    assert archived == [
        ("failed", "first try", "W", "the lead has another message of this step"),
        ("failed", "second try", "W", "the lead has another message of this step"),
        ("sent", None, "nobody", "its lead does not exist"),
    ]


def test_steps_that_cannot_be_scheduled_are_switched_off(by_hand: Connection) -> None:
    migrate.apply(by_hand)
    steps = by_hand.execute(
        "select step_order, type, day, time, time_type, enabled, flow from flow_steps order by 1"
    ).fetchall()
    assert steps == [
        (1, "email", 0, None, "immediately", True, "default"),
        (2, "email", 0, None, "immediately", False, "default"),
        (3, "text", 1, "9:00 AM", "specific", True, "default"),
        (4, "email", 2, "in the morning", "specific", False, "default"),
    ]


def test_it_says_what_it_changed(by_hand: Connection) -> None:
    migrate.apply(by_hand)
    assert adopted(by_hand) == {
        "older triggers and functions removed": 5,
        "older constraints and unique indexes replaced": 2,
        "older policies removed": 2,
        "steps disabled that could not be scheduled": 2,
        "steps adopted": 4,
        "messages of no lead archived": 1,
        "further messages of one step archived": 2,
        "messages adopted": 4,
        "pending messages that are overdue, and go out with the next dispatch": 1,
    }


def test_what_was_made_works_as_if_made_by_flowctl(
    by_hand: Connection, empty_database: str
) -> None:
    migrate.apply(by_hand)
    migrate.require_schema(by_hand)
    assert migrate.apply(by_hand) == []
    triggers = by_hand.execute(
        "select tgname from pg_trigger where tgrelid = 'leads'::regclass and not tgisinternal "
        "order by 1"
    ).fetchall()
    assert triggers == [("auto_schedule_messages",), ("flowctl_reopen_messages",)]
    by_hand.execute("insert into leads (email, phone) values ('eve@example.com', '+14155550123')")
    assert dispatch_once(empty_database).totals.sent == 2
    with pytest.raises(psycopg.errors.UniqueViolation):
        by_hand.execute(
            "insert into message_logs "
            "(lead_id, flow_step_id, message_type, content, scheduled_for) "
            "select lead_id, flow_step_id, message_type, content, now() from message_logs "
            "where flow_step_id is not null"
        )


def test_the_rights_of_everybody_are_gone(by_hand: Connection) -> None:
    migrate.apply(by_hand)
    rows = by_hand.execute(
        "select c.relname from pg_class c cross join lateral aclexplode(c.relacl) a "
        "where c.relname in ('flow_steps', 'message_logs') and a.grantee = 0"
    ).fetchall()
    assert rows == []


def test_the_printed_text_does_the_same(by_hand: Connection) -> None:
    text = migrate.text_of(migrate.pending(by_hand)).encode()
    by_hand.execute(text)
    by_hand.execute(text)
    migrate.require_schema(by_hand)
    assert adopted(by_hand)["messages adopted"] == 4


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("create table flows (id int)", "public.flows is there and is something else"),
        ("create view message_logs as select 1 as id", "public.message_logs is not a table"),
        ("create table flow_steps (id uuid)", "public.flow_steps is there and is something else"),
        ("create table leads (id uuid primary key)", "it has no column created_at"),
        ("create view leads as select 1 as id, now() as created_at", "public.leads is not a table"),
    ],
)
def test_what_is_something_else_is_refused_and_left(
    empty_database: str, statement: str, complaint: str
) -> None:
    with db.connect(empty_database) as connection:
        connection.execute(statement.encode())
        with pytest.raises(InputError, match=complaint), db.translated():
            migrate.apply(connection)
        ((schemas,),) = connection.execute(
            "select count(*) from pg_namespace where nspname = 'flowctl'"
        ).fetchall()
        assert schemas == 0
