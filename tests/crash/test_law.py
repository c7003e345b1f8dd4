"""One law, whatever happens in whatever order: at most one accepted send for each lead and step,
and every due message ends recorded.
"""

from collections import Counter

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


class Dispatching(RuleBasedStateMachine):
    """Leads, steps and people's changes, and passes that end or die."""

    database: str
    conn: Connection

    def __init__(self) -> None:
        super().__init__()
        self.providers = [RecordingProvider(channel) for channel in Channel]
        self.leads = self.steps = 0

    @initialize()
    def start_anew(self) -> None:
        self.conn.execute("truncate leads, message_logs, flowctl.sends, suppressions cascade")
        self.conn.execute("delete from flow_steps")
        self.add_step("email")
        self.add_step("text")
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
    @rule(channel=st.sampled_from(["email", "text"]))
    def add_step(self, channel: str) -> None:
        self.steps += 1
        a_step(
            self.conn, type=channel, content=f"{{{{ id }}}} step {self.steps}", key=str(self.steps)
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

    @rule(number=st.integers(1, 6))
    def opt_out(self, number: int) -> None:
        self.conn.execute(
            "insert into suppressions (channel, address) values ('text', %s) "
            "on conflict do nothing",
            (f"+1415{2000000 + number}",),
        )

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

    def teardown(self) -> None:
        """Let passes run until nothing is due: then every message has its outcome."""
        for _ in range(MOST_PASSES):
            let_leases_pass(self.conn)
            let_retries_come(self.conn)
            self.dispatch(None, ["accepted"], 3)
            if not any(row[0] == "pending" for row in messages(self.conn, "status")):
                break
        self.nothing_is_sent_twice()
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

    def dispatch(self, death: Death | None, answers: list[str], concurrency: int) -> None:
        life = Life(death)

        def answer(message: OutgoingMessage) -> Outcome:
            if life.is_over:
                return LOST_BEFORE
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
