"""``--loop``: it wakes by itself, rests where it must, and ends when it is told to."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Event as Flag
from uuid import UUID

import pytest

from flowctl.clock import Clock, SystemClock
from flowctl.database import open_connection
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.options import LIMIT_REST, Options
from flowctl.dispatch.pace import FIRST_REST
from flowctl.errors import SchemaMismatch
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.settings import Settings
from tests.support.crashing import Dispatching
from tests.support.dispatching import RUN_IDS
from tests.support.factories import a_lead, a_step, messages
from tests.support.looping import looping
from tests.support.postgres import Connection, Postgres
from tests.support.recording import RecordingProvider, accepts
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_answers import Answer
from tests.support.twilio_server import TwilioServer
from tests.support.waiting import until

NO_ACCOUNT = Outcome(OutcomeKind.CHANNEL_STOPPED, "20003", "no such account")


@dataclass
class HandClock:
    """A clock that a test moves."""

    now: float = 1000.0

    def monotonic(self) -> float:
        """Seconds since a fixed time."""
        return self.now


class Watcher:
    """Counts events by kind; as the observer of a dispatcher it is called from many threads."""

    def __init__(self) -> None:
        self.kinds: list[EventKind] = []

    def __call__(self, event: Event) -> None:
        self.kinds.append(event.kind)


def a_dispatcher(
    database: str,
    providers: list[RecordingProvider],
    observer: Watcher | None = None,
    *,
    clock: Clock | None = None,
    interval: float = 0.01,
    concurrency: int = 2,
    environ: dict[str, str] | None = None,
) -> Dispatcher:
    return Dispatcher(
        lambda: open_connection(database),
        [provider.state() for provider in providers],
        Settings.from_env(environ or {}),
        Options(concurrency=concurrency, interval=interval),
        run_id=UUID(int=next(RUN_IDS)),
        clock=clock or SystemClock(),
        random=Random(1),  # noqa: S311 - jitter
        observer=observer or Watcher(),
    )


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The owner's database: which role dispatches makes no difference to when."""
    with postgres.database() as url:
        yield url


def test_it_wakes_for_an_immediate_message_whatever_its_interval(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    emails = RecordingProvider(Channel.EMAIL)
    with looping(a_dispatcher(database, [emails], interval=3600)):
        for number in range(3):
            a_lead(conn)
            until(lambda: len(emails.taken) == number + 1)  # noqa: B023 - called at once
            until(lambda: {m[0] for m in messages(conn, "status")} == {"sent"})
    waited = [sent - due for sent, due in messages(conn, "sent_at", "scheduled_for")]
    assert max(waited) < timedelta(seconds=30)


def test_it_finishes_what_is_in_flight_and_gives_the_rest_back(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    for _ in range(10):
        a_lead(conn)
    may_answer = Flag()

    def answer_late(_: OutgoingMessage) -> Outcome:
        assert may_answer.wait(60)
        return Outcome(OutcomeKind.ACCEPTED)

    watcher = Watcher()
    emails = RecordingProvider(Channel.EMAIL, answer_late)
    dispatcher = a_dispatcher(database, [emails], watcher)
    with looping(dispatcher) as loop:
        until(lambda: watcher.kinds.count(EventKind.BEGUN) == 2)
        dispatcher.stop()
        may_answer.set()
    assert loop.result().sent == len(emails.taken) == 2
    assert sorted(messages(conn, "status", "claimed_by", "attempts")) == [
        *[("pending", None, 0)] * 8,
        *[("sent", None, 1)] * 2,
    ]


def test_what_must_wait_is_not_looked_at_again_and_again(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    watcher, clock = Watcher(), HandClock()
    environ = {"FLOWCTL_ONLY_TO": "somebody.else@example.com"}
    emails = RecordingProvider(Channel.EMAIL)
    dispatcher = a_dispatcher(database, [emails], watcher, clock=clock, environ=environ)
    with looping(dispatcher):
        until(lambda: (dispatcher.health or 0) > 10)
        assert watcher.kinds.count(EventKind.WITHHELD) == 1
        clock.now += LIMIT_REST
        until(lambda: watcher.kinds.count(EventKind.WITHHELD) == 2)


@pytest.mark.parametrize("kind", ["claimed", "begun", "answered", "sent"])
def test_an_observer_that_fails_ends_the_pass_in_order(
    database: str, conn: Connection, kind: EventKind
) -> None:
    class Faulty(Watcher):
        def __call__(self, event: Event) -> None:
            if event.kind == kind:
                raise BrokenPipeError

    a_step(conn)
    for _ in range(3):
        a_lead(conn)
    emails = RecordingProvider(Channel.EMAIL)
    with pytest.raises(BrokenPipeError):
        a_dispatcher(database, [emails], Faulty(), concurrency=1).run_once()
    rows = messages(conn, "status", "claimed_by")
    assert set(rows) <= {("pending", None), ("sent", None)}
    assert rows.count(("sent", None)) == len(emails.taken) < 3
    assert conn.execute("select from flowctl.sends").fetchall() == []


@pytest.mark.parametrize("table", ["suppressions", "flow_steps"], ids=["begin", "next claim"])
def test_a_pass_that_ends_by_an_error_gives_its_claims_back(
    database: str, conn: Connection, table: str
) -> None:
    class Hiding(Watcher):
        def __call__(self, event: Event) -> None:
            if event.kind is EventKind.CLAIMED:
                conn.execute(f"alter table {table} rename to hidden".encode())

    a_step(conn)
    a_lead(conn)
    providers = [RecordingProvider(channel) for channel in Channel]
    with pytest.raises(SchemaMismatch):
        a_dispatcher(database, providers, Hiding()).run_once()
    assert [provider.taken for provider in providers] == [[], []]
    rows = conn.execute("select status, claimed_by from message_logs").fetchall()
    assert rows == [("pending", None)]


def test_a_stopped_channel_rests_while_the_other_goes_on_and_then_tries_again(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn)
    clock, watcher = HandClock(), Watcher()
    emails, texts = RecordingProvider(Channel.EMAIL), RecordingProvider(Channel.TEXT)
    texts.answer = lambda _: NO_ACCOUNT
    with looping(a_dispatcher(database, [emails, texts], watcher, clock=clock)):
        until(lambda: EventKind.CHANNEL_STOPPED in watcher.kinds)
        texts.answer = accepts
        for number in range(2, 5):
            a_lead(conn)
            until(lambda: len(emails.taken) == number)  # noqa: B023 - called at once
        assert texts.taken == []
        clock.now += FIRST_REST
        until(lambda: len(texts.taken) == 4)
    assert watcher.kinds.count(EventKind.CHANNEL_STOPPED) == 1
    assert {(m[0], m[1]) for m in messages(conn, "status", "attempts")} == {("sent", 1)}


# the program


@pytest.mark.parametrize("way", [("--once", signal.SIGTERM), ("--loop", signal.SIGINT)])
def test_a_signal_ends_the_program_in_order(
    database: str,
    conn: Connection,
    smtp: SmtpServer,
    tmp_path: Path,
    way: tuple[str, signal.Signals],
) -> None:
    mode, number = way
    a_step(conn)
    conn.execute(
        "insert into leads (email) select format('lead-%s@example.com', n) "
        "from generate_series(1, 1000) n"
    )
    environ = {"SMTP_URL": smtp.url(), "EMAIL_FROM": "news@acme.example"}
    with Dispatching(
        mode, "--concurrency=2", conninfo=database, environ=environ, log=tmp_path / "log"
    ) as program:
        until(lambda: len(smtp.mails) > 5)
        program.signal(number)
        assert program.wait() == 0, program.said()
    assert "finishing what is in flight" in program.said()
    rows = messages(conn, "status", "claimed_by")
    assert set(rows) == {("sent", None), ("pending", None)}
    assert rows.count(("sent", None)) == len(smtp.mails)
    assert conn.execute("select from flowctl.sends").fetchall() == []


def test_a_second_signal_ends_it_at_once(
    database: str, conn: Connection, twilio: TwilioServer, tmp_path: Path
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    twilio.script(Answer(ending="hang"))
    with Dispatching(
        "--loop", conninfo=database, environ=twilio.environ, log=tmp_path / "log"
    ) as program:
        until(lambda: len(twilio.accepted) == 1)
        program.signal(signal.SIGTERM)
        until(lambda: "finishing" in program.said())
        program.signal(signal.SIGTERM)
        assert program.wait() == 128 + signal.SIGTERM, program.said()
    # it did not wait for the outcome
    assert messages(conn, "status", "error_message") == [("pending", None)]
    assert len(conn.execute("select from flowctl.sends").fetchall()) == 1
    assert "Traceback" not in program.said()


@pytest.mark.parametrize("mode", ["--once", "--loop"])
def test_a_database_that_is_away_at_the_start_is_told_at_once(tmp_path: Path, mode: str) -> None:
    nowhere = f"postgresql://flowctl@/flowctl?host={tmp_path}&port=5432"
    with Dispatching(mode, conninfo=nowhere, environ={}, log=tmp_path / "log") as program:
        assert program.wait() == 4
    assert "error: cannot connect to the database" in program.said()
