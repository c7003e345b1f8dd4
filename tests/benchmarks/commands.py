"""What everyday commands ask of the database, on few messages and on many.

``python -m tests.benchmarks.commands [MESSAGES] [ROUNDS]``. Two databases on one server, one of ten
thousand messages of five days and one of so many of a year: either has more than a list shows. The
commands take turns in both, and the best round of each counts. The limit of every ratio is 2: none
of them reads the whole history. Beyond it the exit status is 1.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

from psycopg.conninfo import make_conninfo

from flowctl import database, migrate
from flowctl.cli import show
from flowctl.database import Connection
from flowctl.enrollments import show_lead
from flowctl.history import history_of
from flowctl.messages import Criteria, list_messages, show_message
from flowctl.model import Channel, Status
from flowctl.preview import preview_lead
from flowctl.settings import Settings
from flowctl.status import summarize
from flowctl.times import When
from tests.benchmarks.server import durable_database, machine, timed

FEW = 10_000
STEPS = 5
LIMIT = 2.0
SHOWN = 100
NOTHING = Settings.from_env({})

FILL = """
insert into leads (email, phone, first_name, created_at)
select n || '@example.com', '+1415' || 2000000 + n, 'Ada', now() - interval '1 year'
from generate_series(1, %(leads)s) as n
"""

MESSAGES = """
insert into message_logs (
  lead_id, flow_step_id, message_type, subject, content, status, cause, scheduled_for,
  planned_for, sent_at, recipient, delivery_status, error_message
)
select
  lead.id, step.id, 'email', 'Subject', repeat('what we wanted to say ', 10), drawn.status,
  case when drawn.status = 'cancelled' then 'by_hand' end, drawn.at, drawn.at,
  case when drawn.status = 'sent' then drawn.at end, lead.email,
  case when drawn.status = 'sent' and drawn.n %% 50 = 0 then 'bounced' end,
  case when drawn.status in ('failed', 'cancelled') then '550 no' end
from leads as lead
cross join (
  select id, step_order, row_number() over (order by id) as number from flow_steps
  where flow = 'default'
) as step
cross join lateral (
  select
    (hashtext(lead.id::text || step.number) & 1048575) as n
) as chance
cross join lateral (
  select
    chance.n,
    case
      when chance.n %% 100 < 3 then 'pending'
      when chance.n %% 100 < 7 then 'failed'
      when chance.n %% 100 < 10 then 'cancelled'
      else 'sent'
    end as status,
    now() + case when chance.n %% 100 < 3 then 1 else -1 end
      * (1 + chance.n %% %(minutes)s::integer) * interval '1 minute' as at
) as drawn
"""


def main(messages: int = 1_000_000, rounds: int = 15) -> int:
    """Measure, and say what came out; 1 where a ratio is beyond its limit."""
    with (
        durable_database() as conninfo,
        database.connect(conninfo) as few,
        database.connect(_another(few, conninfo)) as many,
    ):
        migrate.apply(many)
        _fill(few, FEW, timedelta(days=5))
        _fill(many, messages, timedelta(days=365))
        show.line(f"{FEW} and {messages} messages, {rounds} rounds, {machine()}")
        return _compare(few, many, rounds)


def _compare(few: Connection, many: Connection, rounds: int) -> int:
    beyond = 0
    for name, ask in _commands():
        taken: dict[int, list[float]] = {0: [], 1: []}
        for _ in range(rounds):
            for place, connection in enumerate((few, many)):
                with timed() as one:
                    ask(connection)
                taken[place].append(one.seconds)
        small, large = min(taken[0]), min(taken[1])
        ratio = large / small
        beyond += ratio > LIMIT
        show.line(f"{name}: {small * 1000:.1f} ms, {large * 1000:.1f} ms, {ratio:.2f}")
    show.line(f"{beyond} beyond the limit of {LIMIT}")
    return int(beyond > 0)


def _commands() -> Iterator[tuple[str, Callable[[Connection], object]]]:
    """Each command as its use case, which is what asks the database."""
    day = When("1d", ago=timedelta(days=1))
    yield "status", lambda connection: summarize(connection, NOTHING, timedelta(days=7))
    yield "leads show ID", lambda connection: show_lead(connection, NOTHING, _lead(connection))
    yield "leads show EMAIL", lambda connection: show_lead(connection, NOTHING, "7@example.com")
    yield "preview LEAD", lambda connection: preview_lead(connection, NOTHING, _lead(connection))
    yield "messages show ID", _show
    for name, wanted in {
        "messages list": Criteria(),
        "messages list --status sent --since 1d": Criteria((Status.SENT,), since=day),
        "messages list --status failed --since 1d": Criteria((Status.FAILED,), since=day),
        "messages list --due": Criteria(is_due=True),
        "messages list --undelivered": Criteria(is_undelivered=True),
        "messages list --unknown": Criteria(is_unknown=True),
        "messages list --flow default": Criteria(flow="default"),
        "messages list --flow new": Criteria(flow="new"),
        "messages list --channel text": Criteria(channel=Channel.TEXT),
        "messages list --status cancelled": Criteria((Status.CANCELLED,)),
        "messages list --step default/s1": Criteria(step="default/s1"),
        "messages list --error 550": Criteria(error="550"),
        "messages list --to EMAIL": Criteria(to="7@example.com"),
    }.items():
        yield name, _listing(wanted)
    yield (
        "messages list --lead ID",
        lambda connection: list_messages(
            connection, NOTHING, Criteria(lead=_lead(connection)), SHOWN
        ),
    )


def _listing(wanted: Criteria) -> Callable[[Connection], object]:
    return lambda connection: list_messages(connection, NOTHING, wanted, SHOWN)


def _show(connection: Connection) -> object:
    row = connection.execute("select id::text from message_logs limit 1").fetchone()
    assert row is not None
    return history_of(connection, show_message(connection, str(row[0])[:8]))


def _lead(connection: Connection) -> str:
    row = connection.execute("select id::text from leads limit 1").fetchone()
    assert row is not None
    return str(row[0])


def _another(connection: Connection, conninfo: str) -> str:
    """A second database on the same server."""
    connection.execute("create database many")
    return make_conninfo(conninfo, dbname="many")


def _fill(connection: Connection, messages: int, span: timedelta) -> None:
    """So many messages, five to a lead; most were sent, over that time. Of the flow ``new`` there
    are none, and no texts."""
    for number in range(1, STEPS + 1):
        connection.execute(
            "insert into flow_steps (key, type, subject, content, day) "
            "values (%s, 'email', 'Subject', 'Content', %s)",
            (f"s{number}", number),
        )
    connection.execute("insert into flows (name) values ('new')")
    connection.execute(
        "insert into flow_steps (flow, key, type, content) values ('new', 's0', 'text', 'Hello')"
    )
    for table in ("leads", "message_logs"):
        connection.execute(f"alter table {table} disable trigger user".encode())
    connection.execute(FILL, {"leads": messages // STEPS})
    connection.execute(MESSAGES, {"minutes": span // timedelta(minutes=1)})
    for table in ("leads", "message_logs"):
        connection.execute(f"alter table {table} enable trigger user".encode())
    connection.execute("vacuum analyze")


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
