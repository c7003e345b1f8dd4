"""Dispatching while somebody steers it: what is seen of the messages, and how a command dies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from psycopg.rows import class_row

from flowctl.errors import InputError, NeedsAttention
from flowctl.model import Outcome, OutgoingMessage
from flowctl.settings import Settings
from tests.crash.test_law import AT_A_SEND, OUTCOMES, Dispatching
from tests.support.factories import a_lead, a_step
from tests.support.mortal import Died, Life, dispatch_mortally
from tests.support.oracle import instant
from tests.support.postgres import Connection
from tests.support.recording import LOST_BEFORE

DAY = timedelta(days=1)

NOTHING = Settings.from_env({})

ZONES = ("America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "UTC")

MESSAGES = """
select
  m.id, m.lead_id::text as lead, l.timezone as zone, s.flow, m.status, m.cause, m.due_at,
  m.scheduled_for, m.planned_for, m.shifted_days, m.is_unknown, m.content,
  exists (select from flowctl.sends as send where send.message_id = m.id) as is_begun,
  coalesce(m.lease_until > now(), false) as is_claimed
from message_logs as m
inner join leads as l on l.id = m.lead_id
left join flow_steps as s on s.id = m.flow_step_id
"""

GO_ON = """
update message_logs set
  scheduled_for = scheduled_for - %(time)s, planned_for = planned_for - %(time)s,
  retry_at = retry_at - %(time)s, created_at = created_at - %(time)s,
  counted_from = counted_from - %(time)s, sent_at = sent_at - %(time)s
"""
"""As if so much time had passed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as the oracle looks at it."""

    id: UUID
    lead: str
    zone: str
    flow: str | None
    status: str
    cause: str | None
    due_at: datetime
    scheduled_for: datetime
    planned_for: datetime
    shifted_days: int
    is_unknown: bool
    content: str
    is_begun: bool
    is_claimed: bool

    @property
    def is_free(self) -> bool:
        """Whether a command may change it: it is pending, and not being sent."""
        return self.status == "pending" and not self.is_begun

    def on_day(self, days: int) -> datetime:
        """Its time so many days later on the lead's clock."""
        zone = ZoneInfo(self.zone)
        wall = self.scheduled_for.astimezone(zone).replace(tzinfo=None)
        return instant(wall + days * DAY, zone)


class Fragile(psycopg.Connection[Any]):
    """A connection of a command that is killed at its nth statement; null: never."""

    left: int | None = None

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """As a connection's; every statement goes through this."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Died
        return super().cursor(*args, **kwargs)


class Steered(Dispatching):
    """Dispatching, with what somebody needs who steers it."""

    def __init__(self) -> None:
        super().__init__()
        self.hand = Lock()
        self.stopped: set[tuple[str, str | None]] = set()
        self.excused: set[UUID] = set()

    @initialize()
    def start_anew(self) -> None:
        super().start_anew()
        self.conn.execute("set timezone = 'UTC'")

    def add_step(self, channel: str, flow: str) -> None:
        """Every step is a day after the last, so that there are distances to be kept."""
        self.steps += 1
        is_timed = self.steps % 2 == 0
        a_step(
            self.conn,
            type=channel,
            content=f"{{{{ id }}}} step {self.steps}",
            key=str(self.steps),
            flow=flow,
            day=self.steps // 2,
            time_type="specific" if is_timed else "immediately",
            time=f"{self.steps}:30 PM" if is_timed else None,
        )

    def add_lead(self) -> None:
        self.leads += 1
        a_lead(
            self.conn,
            email=f"lead-{self.leads}@example.com",
            phone=f"+1415{2000000 + self.leads}",
            timezone=ZONES[self.leads % len(ZONES)],
        )

    @rule(hours=st.sampled_from([1, 24, 24, 30]))
    def time_passes(self, hours: int) -> None:
        time = {"time": timedelta(hours=hours)}
        self.conn.execute("alter table message_logs disable trigger user")
        self.conn.execute(GO_ON, time)
        self.conn.execute("alter table message_logs enable trigger user")
        self.conn.execute("update leads set created_at = created_at - %(time)s", time)

    def teardown(self) -> None:
        """Days go by until nothing is to come."""
        self.conn.execute("update flows set paused_at = null")
        self.time_passes(24 * 30)
        super().teardown()

    def lead(self, nth: int) -> str:
        """The id of a lead; there is one."""
        found = self.conn.execute("select id::text from leads order by email").fetchall()
        if not found:
            self.add_lead()
            return self.lead(nth)
        return str(found[nth % len(found)][0])

    def look(self, connection: Connection | None = None) -> dict[UUID, Seen]:
        """All messages."""
        with (connection or self.conn).cursor(row_factory=class_row(Seen)) as cursor:
            return {one.id: one for one in cursor.execute(MESSAGES)}

    def is_paused(self, flow: str) -> bool:
        """Whether the flow is paused."""
        found = self.conn.execute(
            "select paused_at is not null from flows where name = %s", (flow,)
        ).fetchone()
        return bool(found and found[0])

    def is_stopped(self, lead: str, flow: str | None) -> bool:
        """Whether the lead is kept out of the flow."""
        return bool({(lead, None), (lead, flow)} & self.stopped)

    def note_stops(self, connection: Connection | None = None) -> None:
        """Remember who is stopped."""
        found = (connection or self.conn).execute("select lead_id::text, flow from flowctl.stops")
        self.stopped = {(lead, flow) for lead, flow in found}

    @contextmanager
    def operator(self, death: int | None) -> Iterator[Connection]:
        """The connection of a command, which may be killed at one of its statements."""
        with Fragile.connect(self.database, autocommit=True, prepare_threshold=None) as connection:
            connection.left = death
            with suppress(Died):
                yield connection
            connection.left = None

    def judge(self, message: OutgoingMessage) -> None:
        """As without an operator; and nothing goes to a lead that was stopped before."""
        if message.recipient in self.suppressed:
            self.broken.append(("suppressed", message.recipient))
        with self.asking:
            if message.id in self.excused:
                return
            found = self.conn.execute(AT_A_SEND, (message.id,)).fetchone()
            flow = self.conn.execute(
                "select s.flow from message_logs m join flow_steps s on s.id = m.flow_step_id "
                "where m.id = %s",
                (message.id,),
            ).fetchone()
            if found is not None and found != ([], False, False):
                self.broken.append((message.text, *found))
            if flow is not None and self.is_stopped(message.lead_id, flow[0]):
                self.broken.append(("stopped", message.text))

    def meanwhile(self, command: Callable[[Connection], None]) -> None:
        """Do it, and note what had been begun by then: for that it is too late."""
        with psycopg.connect(self.database, autocommit=True) as connection, self.asking:
            with suppress(InputError, NeedsAttention):
                command(connection)
            with connection.transaction():
                # waits for those that began before they could see it
                connection.execute("lock table flowctl.sends in share row exclusive mode")
                begun = connection.execute("select message_id from flowctl.sends").fetchall()
                self.excused.update(identity for (identity,) in begun)
                self.note_stops(connection)

    def dispatch(
        self,
        death: Any,
        answers: list[str],
        concurrency: int,
        interruption: tuple[int, Callable[[Connection], None]] | None = None,
    ) -> None:
        life = Life(death)
        self.excused = set()
        self.note_stops()
        self.suppressed = {
            address for (address,) in self.conn.execute("select address from suppressions")
        }
        asked = iter(range(1, 1000))

        def answer(message: OutgoingMessage) -> Outcome:
            if life.is_over:
                return LOST_BEFORE
            self.judge(message)
            with self.hand:
                number = next(asked)
            if interruption is not None and number == interruption[0]:
                self.meanwhile(interruption[1])
            return OUTCOMES[answers[int(message.text[-1]) % len(answers)]]

        for provider in self.providers:
            provider.answer = answer
        dispatch_mortally(self.database, self.providers, life, concurrency=concurrency)


def changed(one: Seen, **values: object) -> Seen:
    """A message with other values."""
    return replace(one, **values)  # type: ignore[arg-type]
