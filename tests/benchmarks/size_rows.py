"""The rows of the database whose size is measured."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

from flowctl.database import Connection
from flowctl.model import Status

STEPS = 5
THOUSAND = 1000

FLOWS = """
insert into flows (name, enabled) values ('paused', false), ('texts', false);
update flows set paused_at = now() where name = 'paused';
insert into flow_steps (flow, key, type, subject, content, day)
select
  place.flow, 's' || n, place.type, case place.type when 'email' then 'Subject' end,
  'Hello {{ first_name }}', n
from (values ('default', 'email'), ('paused', 'email'), ('texts', 'text')) as place (flow, type)
cross join generate_series(0, 4) as n
"""

MESSAGES = """
with lead as (
  insert into leads (email, phone, first_name, created_at)
  select
    gen_random_uuid() || '@example.com', '+1415' || 2000000 + n, 'Ada', now() - interval '1 year'
  from generate_series(1, %(leads)s) as n
  returning id, email
)
insert into message_logs (
  lead_id, flow_step_id, message_type, subject, content, status, scheduled_for, planned_for,
  sent_at, recipient, delivery_status, provider_id
)
select
  lead.id, step.id, step.type, step.subject, repeat('what we wanted to say ', 10), %(status)s,
  drawn.at, drawn.at,
  case when %(status)s = 'sent' then drawn.at end,
  case when %(status)s = 'sent' then lead.email end,
  case when %(status)s = 'sent' and drawn.n %% 50 = 0 then 'bounced' end,
  case when %(status)s = 'sent' then '<' || lead.id || '@example.com>' end
from lead
inner join flow_steps as step on step.flow = %(flow)s and step.day < %(steps)s
cross join lateral (
  select
    hashtext(lead.id::text || step.key) & 1048575 as n,
    now() + %(from)s + (hashtext(lead.id::text || step.key) & 1048575) * %(spread)s as at
) as drawn
"""
"""``from`` is where the times begin, seen from now, a millionth of the time that they go on for is
``spread``."""

UPDATES = """
with next as (
  select id from message_logs where status = 'sent' and id > %s order by id limit %s
),
changed as (
  update message_logs set delivery_status = 'delivered' where id in (select id from next)
)
select max(id::text)::uuid from next
"""


@dataclass(frozen=True, slots=True)
class Made:
    """So many messages of a flow, ``steps`` to a lead, over ``span`` from so long before or after
    now."""

    flow: str
    messages: int
    begin: timedelta
    span: timedelta
    steps: int = STEPS
    status: Status = Status.PENDING


def fill(connection: Connection, messages: int) -> None:
    """The flows, and so many sent messages, over a year that ended yesterday."""
    for statement in FLOWS.split(";"):
        connection.execute(statement.encode())
    indexes = connection.execute(
        "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
        " where indrelid in ('leads'::regclass, 'message_logs'::regclass)"
        " and indexrelid not in (select conindid from pg_constraint)"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"drop index {name}".encode())
    year = timedelta(days=365)
    past = Made("default", messages, -year, year - timedelta(days=1), status=Status.SENT)
    make(connection, past)
    for _, definition in indexes:
        connection.execute(str(definition).encode())
    connection.execute("vacuum analyze")


def make(connection: Connection, made: Made) -> None:
    """Insert leads and their messages, as they come to be, without the triggers."""
    values = {
        "flow": made.flow,
        "leads": made.messages // made.steps,
        "steps": made.steps,
        "status": made.status,
        "from": made.begin,
        "spread": made.span / 1_048_576,
    }
    for word in ("disable", "enable"):
        for table in ("leads", "message_logs"):
            connection.execute(f"alter table {table} {word} trigger all".encode())
        if word == "disable":
            connection.execute(MESSAGES, values)
    connection.execute("analyze")


def update(connection: Connection, messages: int) -> None:
    """Deliveries of so many, a thousand at a time, as they come in."""
    last = UUID(int=0)
    for _ in range(messages // THOUSAND):
        last = value(connection, UPDATES, last, THOUSAND)


def value(connection: Connection, statement: LiteralString, *values: object) -> Any:
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    return row[0]
