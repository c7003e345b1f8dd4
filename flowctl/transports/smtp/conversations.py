"""One thread that talks over all connections of a transport, so that none waits for another.

With a thread for each connection they wake each other, and the coordinator, many times a message.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from selectors import EVENT_READ
from threading import Lock, Thread

from flowctl.clock import Clock
from flowctl.model import Outcome, OutcomeKind, OutgoingMessage
from flowctl.transports.protocols import OnOutcomes
from flowctl.transports.smtp.attempt import Attempt, Opener, attempt
from flowctl.transports.smtp.delivery import Envelope
from flowctl.transports.smtp.letter import Letter, internal
from flowctl.transports.smtp.names import OnAnswer
from flowctl.transports.smtp.pool import Pool
from flowctl.transports.smtp.session import SmtpSession, Steps
from flowctl.transports.smtp.watch import Watch

log = logging.getLogger(__name__)

_STOPPING = Outcome(OutcomeKind.NOT_TRIED, detail="stopped while it waited for a connection")


@dataclass(slots=True, eq=False)
class _Job:
    """A message on its way."""

    message: OutgoingMessage
    envelope: Envelope
    on_outcomes: OnOutcomes


@dataclass(slots=True, eq=False)
class _Talk:
    """What goes on over a connection: a message, or with no job the goodbye.

    ``is_pooled``: it counts among the pool's until it is closed.
    """

    steps: Steps[Attempt | None]
    job: _Job | None = None
    is_pooled: bool = True


class Conversations:
    """Sends over the connections of a pool, as many messages at once as it has.

    All but the public methods runs in the one thread.
    """

    def __init__(self, pool: Pool, make_opener: Callable[[OnAnswer], Opener], clock: Clock) -> None:
        self._pool = pool
        self._opener = make_opener(partial(self._order, self._resume))
        self._clock = clock
        self._orders: deque[Callable[[], None]] = deque()
        self._waiting: deque[_Job] = deque()
        self._talks: dict[SmtpSession, _Talk] = {}
        self._outcomes: dict[OnOutcomes, list[tuple[OutgoingMessage, Outcome]]] = {}
        self._next_deadline = inf
        self._is_stopping = False
        self._is_over = False
        self._watch = Watch()
        self._lock = Lock()
        self._thread: Thread | None = None

    def hand_over(self, letters: Sequence[Letter], on_outcomes: OnOutcomes) -> None:
        """Send messages; ``on_outcomes`` is called with what became of some as soon as it is known.

        It is called in this object's own thread.
        """
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="smtp", daemon=True)
                self._thread.start()
        self._order(partial(self._accept, letters, on_outcomes))

    def stop(self) -> None:
        """Let no message wait for a connection any more; safe in a signal handler."""
        self._is_stopping = True
        self._watch.ring()

    def close(self) -> None:
        """Say goodbye on all kept connections, and talk no more."""
        self._is_over = True
        self._watch.ring()
        if self._thread is not None:
            self._thread.join()
        self._watch.close()

    def _order(self, order: Callable[[], None]) -> None:
        """Have something done by the thread."""
        self._orders.append(order)
        self._watch.ring()

    def _run(self) -> None:
        while not self._is_over:
            try:
                self._turn()
            except Exception as error:
                # A bug of ours; nobody shall wait for ever for what became of a message.
                log.exception("sending emails")
                for session in list(self._talks):
                    self._broke(session, error)
                self._report()
        self._part()

    def _turn(self) -> None:
        """Go on with what can go on, start what can start, and tell what came of it."""
        self._wait()
        while self._orders:
            self._orders.popleft()()
        self._start_waiting()
        self._report()

    def _wait(self) -> None:
        """Wait for what comes next, and go on with whom it concerns."""
        left = self._next_deadline - self._clock.monotonic()
        for session in self._watch.wait(None if left == inf else max(0.0, left)):
            if session in self._talks:
                self._go_on(session)
            else:
                # the server ended, or is about to, what nobody uses
                session.close()
                self._watch.forget(session)
                self._pool.forget(session)
        now = self._clock.monotonic()
        if now < self._next_deadline:
            return
        for session in [session for session in self._talks if session.deadline <= now]:
            self._go_on(session, TimeoutError("timed out"))
        self._next_deadline = min((session.deadline for session in self._talks), default=inf)

    def _part(self) -> None:
        """Say goodbye on all connections that are kept, and leave the others."""
        for session in [one for one, talk in self._talks.items() if talk.job is not None]:
            del self._talks[session]
            session.close()
            self._watch.forget(session)
        for session in self._pool.clear():
            self._say_goodbye(session, is_pooled=False)
        while self._talks:
            self._wait()

    def _report(self) -> None:
        known, self._outcomes = self._outcomes, {}
        for on_outcomes, outcomes in known.items():
            on_outcomes(outcomes)

    def _accept(self, letters: Sequence[Letter], on_outcomes: OnOutcomes) -> None:
        for letter in letters:
            if letter.envelope is not None:
                self._waiting.append(_Job(letter.message, letter.envelope, on_outcomes))
            elif letter.failure is not None:
                self._answer(letter.message, on_outcomes, letter.failure)

    def _start_waiting(self) -> None:
        while self._waiting:
            session = self._pool.take()
            if session is None:
                if self._is_stopping:
                    self._answer_waiting(_STOPPING)
                return
            job = self._waiting.popleft()
            self._start(session, _Talk(attempt(session, self._opener, job.envelope), job))

    def _say_goodbye(self, session: SmtpSession, *, is_pooled: bool) -> None:
        self._start(session, _Talk(session.goodbye(), is_pooled=is_pooled))

    def _start(self, session: SmtpSession, talk: _Talk) -> None:
        self._talks[session] = talk
        self._go_on(session)

    def _resume(self) -> None:
        """Go on with all that wait for no event of their connection, but for the server's name."""
        for session in [one for one in self._talks if not self._watch.has(one)]:
            self._go_on(session)

    def _go_on(self, session: SmtpSession, error: Exception | None = None) -> None:
        """Take what goes on over a connection as far as it goes without waiting."""
        steps = self._talks[session].steps
        try:
            event = next(steps) if error is None else steps.throw(error)
        except StopIteration as end:
            self._ended(session, end.value)
        except Exception as bug:
            # The message may have been handed over, and no other may suffer.
            log.exception("sending emails")
            self._broke(session, bug)
        else:
            self._watch.until(session, event)
            self._next_deadline = min(self._next_deadline, session.deadline)

    def _ended(self, session: SmtpSession, done: Attempt | None) -> None:
        talk = self._talks.pop(session)
        job = talk.job
        if job is None or done is None:
            self._watch.forget(session)
            if talk.is_pooled:
                self._pool.put_back(session)
        elif done.is_refused:
            self._refused(session, job, done.outcome)
        else:
            self._put_back(session)
            self._answer(job.message, job.on_outcomes, done.outcome)

    def _broke(self, session: SmtpSession, bug: Exception) -> None:
        talk = self._talks.pop(session)
        session.close()
        self._watch.forget(session)
        if talk.is_pooled:
            self._pool.put_back(session)
        if talk.job is not None:
            self._answer(talk.job.message, talk.job.on_outcomes, internal(bug))

    def _refused(self, session: SmtpSession, job: _Job, outcome: Outcome) -> None:
        """The server did not take a connection; without another of ours none who waits is sent."""
        session.close()
        self._watch.forget(session)
        if self._pool.refused():
            self._waiting.appendleft(job)
        else:
            self._answer(job.message, job.on_outcomes, outcome)
            self._answer_waiting(outcome)

    def _put_back(self, session: SmtpSession) -> None:
        """Keep a connection for the next message, or say goodbye: at once, so that the next message
        need not wait for that, where it has served its time; and where there are to be fewer."""
        if session.is_open and session.is_spent:
            self._say_goodbye(session, is_pooled=True)
        elif self._pool.put_back(session):
            self._watch.until(session, EVENT_READ)
        elif session.is_open:
            self._say_goodbye(session, is_pooled=False)
        else:
            self._watch.forget(session)

    def _answer_waiting(self, outcome: Outcome) -> None:
        while self._waiting:
            job = self._waiting.popleft()
            self._answer(job.message, job.on_outcomes, outcome)

    def _answer(self, message: OutgoingMessage, on_outcomes: OnOutcomes, outcome: Outcome) -> None:
        self._outcomes.setdefault(on_outcomes, []).append((message, outcome))
