"""One law, whatever happens in whatever order: at most one accepted send for each lead and step,
every due message ends recorded; the steps of a flow go out in their order, and nothing goes past
its deadline, in a pause, or to a suppressed address.
"""

from collections import Counter
from datetime import timedelta
from threading import Lock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flowctl.dispatch.events import EventKind
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from tests.support.crashing import Death
from tests.support.examples import examples
from tests.support.factories import a_lead, a_step, messages
from tests.support.invariants import let_leases_pass, let_retries_come
from tests.support.mortal import Life, dispatch_mortally
from tests.support.postgres import Connection
from tests.support.recording import LOST_BEFORE, RecordingProvider

ACCEPTED = Outcome(OutcomeKind.ACCEPTED)
OUTCOMES = {
    "accepted": ACCEPTED,
    "refused": Outcome(OutcomeKind.REFUSED, "550", "no", blames_recipient=True),
    "deferred": Outcome(OutcomeKind.DEFERRED, "450", "later"),
    "opted out": Outcome(OutcomeKind.SUPPRESSED, "21610", "opted out"),
    "lost after": Outcome(OutcomeKind.UNKNOWN, detail="no answer"),
    "lost before": LOST_BEFORE,
    "stopped": Outcome(OutcomeKind.CHANNEL_STOPPED, "20003", "no such account"),
}
DEATHS = [
    EventKind.CLAIMED,
    EventKind.BEGUN,
    EventKind.ANSWERED,
    EventKind.SENT,
    EventKind.RETRYING,
]
MOST_PASSES = 12

an_answer = st.lists(st.sampled_from(sorted(OUTCOMES)), min_size=1, max_size=5)
a_concurrency = st.integers(1, 3)


FLOWS = ("default", "other")

AT_A_SEND = """
select
  array(
    select earlier.content
    from message_logs as earlier
    inner join flow_steps as earlier_step on earlier_step.id = earlier.flow_step_id
    left join flowctl.sends as send
      on send.lead_id = earlier.lead_id and send.message_id = earlier.id
    where earlier.lead_id = %(lead)s
      and earlier.message_type = message.message_type
      and earlier_step.flow = step.flow
      and earlier_step.step_order < step.step_order
      and earlier.status = 'pending'
      and case
        when send.message_id is null then earlier.due_at <= now()
        else not earlier.is_unknown
      end
  ) as held_up_by,
  flow.paused_at is not null as is_paused,
  coalesce(now() > message.planned_for + flow.expire_after, false) as is_past_its_deadline
from message_logs as message
inner join flow_steps as step on step.id = message.flow_step_id
inner join flows as flow on flow.name = step.flow
where message.lead_id = %(lead)s and message.id = %(id)s
"""
"""The law at the moment of a send, asked of the tables: what should have gone before it."""


class Dispatching(RuleBasedStateMachine):
    """Leads, steps and people's changes, and passes that end or die."""

    database: str
    conn: Connection

    def __init__(self) -> None:
        super().__init__()
        self.providers = [RecordingProvider(channel) for channel in Channel]
        self.leads = self.steps = 0
        self.suppressed: set[str] = set()
        self.broken: list[tuple[object, ...]] = []
        self.asking = Lock()

    @initialize()
    def start_anew(self) -> None:
        self.conn.execute("truncate leads, message_logs, flowctl.sends, suppressions cascade")
        self.conn.execute("delete from flow_steps")
        self.conn.execute("insert into flows (name) values ('other') on conflict do nothing")
        self.conn.execute("update flows set paused_at = null, expire_after = null")
        self.add_step("email", "default")
        self.add_step("text", "default")
        self.add_lead()

    # what people do

    @rule()
    def add_lead(self) -> None:
        self.leads += 1
        a_lead(
            self.conn,
            email=f"lead-{self.leads}@example.com",
            phone=f"+1415{2000000 + self.leads}",
        )

    @precondition(lambda self: self.steps < 6)
    @rule(channel=st.sampled_from(["email", "text"]), flow=st.sampled_from(FLOWS))
    def add_step(self, channel: str, flow: str) -> None:
        self.steps += 1
        a_step(
            self.conn,
            type=channel,
            content=f"{{{{ id }}}} step {self.steps}",
            key=str(self.steps),
            flow=flow,
        )

    @rule(number=st.integers(1, 6), enabled=st.booleans())
    def switch_step(self, number: int, enabled: bool) -> None:
        self.conn.execute(
            "update flow_steps set enabled = %s where key = %s", (enabled, str(number))
        )

    @rule(number=st.integers(1, 6))
    def delete_step(self, number: int) -> None:
        self.conn.execute("delete from flow_steps where key = %s", (str(number),))

    @rule(nth=st.integers(0, 5))
    def cancel(self, nth: int) -> None:
        self.change_one(
            "status = 'cancelled', error_message = 'by hand'", "m.status = 'pending'", nth
        )

    @rule(nth=st.integers(0, 5))
    def retry(self, nth: int) -> None:
        self.change_one(
            "status = 'pending', error_message = null, attempts = 0, retry_at = null",
            "m.status in ('failed', 'cancelled') and not m.is_unknown",
            nth,
        )

    @rule(number=st.integers(1, 6), channel=st.sampled_from(["email", "text"]))
    def opt_out(self, number: int, channel: str) -> None:
        address = f"+1415{2000000 + number}" if channel == "text" else f"lead-{number}@example.com"
        self.conn.execute(
            "insert into suppressions (channel, address) values (%s, %s) on conflict do nothing",
            (channel, address),
        )

    @rule(flow=st.sampled_from(FLOWS), is_paused=st.booleans())
    def pause(self, flow: str, is_paused: bool) -> None:
        self.conn.execute("update flows set paused_at = null where name = %s", (flow,))
        if is_paused:
            self.conn.execute("update flows set paused_at = now() where name = %s", (flow,))

    @rule(flow=st.sampled_from(FLOWS), hours=st.none() | st.just(1))
    def set_deadline(self, flow: str, hours: int | None) -> None:
        self.conn.execute(
            "update flows set expire_after = %s * interval '1 hour' where name = %s", (hours, flow)
        )

    @rule(nth=st.integers(0, 5))
    def be_late(self, nth: int) -> None:
        rows = messages(self.conn, "id", "planned_for")
        if nth < len(rows):
            identity, planned_for = rows[nth]
            self.conn.execute(
                "update message_logs set planned_for = %s where id = %s",
                (planned_for - timedelta(hours=2), identity),
            )

    @rule(number=st.integers(1, 6))
    def delete_lead(self, number: int) -> None:
        self.conn.execute("delete from leads where email = %s", (f"lead-{number}@example.com",))

    # what time does

    @rule()
    def leases_pass(self) -> None:
        let_leases_pass(self.conn)

    @rule()
    def retries_come(self) -> None:
        let_retries_come(self.conn)

    # what dispatchers do

    @rule(answers=an_answer, concurrency=a_concurrency)
    def run(self, answers: list[str], concurrency: int) -> None:
        self.dispatch(None, answers, concurrency)

    @rule(
        kind=st.sampled_from(DEATHS),
        nth=st.integers(1, 5),
        answers=an_answer,
        concurrency=a_concurrency,
    )
    def run_and_die(self, kind: EventKind, nth: int, answers: list[str], concurrency: int) -> None:
        self.dispatch(Death(kind, nth), answers, concurrency)

    # the law

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        sent: Counter[tuple[str, str]] = Counter()
        for provider in self.providers:
            sent.update((one.message.lead_id, one.message.text) for one in provider.taken)
        assert all(count == 1 for count in sent.values()), sent

    @invariant()
    def nothing_goes_that_must_not(self) -> None:
        assert not self.broken, self.broken

    def teardown(self) -> None:
        """Let passes run until nothing is due: then every message has its outcome."""
        self.conn.execute("update flows set paused_at = null")
        for _ in range(MOST_PASSES):
            let_leases_pass(self.conn)
            let_retries_come(self.conn)
            self.dispatch(None, ["accepted"], 3)
            if not any(row[0] == "pending" for row in messages(self.conn, "status")):
                break
        self.nothing_is_sent_twice()
        self.nothing_goes_that_must_not()
        taken = {identity for provider in self.providers for identity in provider.count()}
        columns = ("id", "status", "error_message", "is_unknown")
        for identity, status, error, is_unknown in messages(self.conn, *columns):
            assert status in {"sent", "failed", "cancelled"}, (status, error)
            assert (identity in taken) == (status == "sent") or is_unknown, (status, error)
            assert (error is None) == (status == "sent"), (status, error)
        assert self.conn.execute("select from flowctl.sends").fetchall() == []

    # how

    def change_one(self, change: str, which: str, nth: int) -> None:
        """Change the nth of the messages that a person may change so, if there are so many."""
        self.conn.execute(
            f"update message_logs set {change} where id = (select m.id from message_logs m "  # noqa: S608
            f"where {which} order by m.lead_id, m.id offset %s limit 1)".encode(),
            (nth,),
        )

    def judge(self, message: OutgoingMessage) -> None:
        """Note what should have kept a message from being sent; called in senders' threads."""
        if message.recipient in self.suppressed:
            self.broken.append(("suppressed", message.recipient))
        with self.asking:
            own = {"lead": message.lead_id, "id": message.id}
            found = self.conn.execute(AT_A_SEND, own).fetchone()
        if found is not None and found != ([], False, False):
            self.broken.append((message.text, *found))

    def dispatch(self, death: Death | None, answers: list[str], concurrency: int) -> None:
        life = Life(death)
        self.suppressed = {
            address for (address,) in self.conn.execute("select address from suppressions")
        }

        def answer(message: OutgoingMessage) -> Outcome:
            if life.is_over:
                return LOST_BEFORE
            self.judge(message)
            # chosen by the message, so that it does not depend on which thread comes first
            return OUTCOMES[answers[int(message.text[-1]) % len(answers)]]

        for provider in self.providers:
            provider.answer = answer
        dispatch_mortally(self.database, self.providers, life, concurrency=concurrency)


def test_at_most_one_send_for_each_lead_and_step_and_all_recorded(
    database: str, conn: Connection
) -> None:
    machine = type("DispatchingHere", (Dispatching,), {"database": database, "conn": conn})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples(80), stateful_step_count=20)
    )
