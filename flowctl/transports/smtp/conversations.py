"""One thread that talks over all connections of a transport, so that none waits for another.

With a thread for each connection they wake each other, and the coordinator, many times a message.
Only opening a connection, which blocks, takes a thread for itself (``workers``).
"""

import logging
import smtplib
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread

from flowctl.clock import Clock
from flowctl.model import Outcome, OutcomeKind, OutgoingMessage
from flowctl.text import one_line
from flowctl.transports.mime import Composer
from flowctl.transports.protocols import OnOutcomes
from flowctl.transports.smtp.delivery import Delivery, deliver
from flowctl.transports.smtp.failures import lost, open_session
from flowctl.transports.smtp.pool import Pool
from flowctl.transports.smtp.replies import is_one_too_many, is_used_up, judge
from flowctl.transports.smtp.session import SmtpSession
from flowctl.transports.smtp.workers import Workers

log = logging.getLogger(__name__)

_STOPPING = Outcome(OutcomeKind.NOT_TRIED, detail="stopped while it waited for a connection")


@dataclass(slots=True, eq=False)
class _Job:
    """A message on its way; ``is_renewed``: its connection was opened for it."""

    message: OutgoingMessage
    on_outcomes: OnOutcomes
    sender: str = ""
    content: bytes = b""
    is_renewed: bool = False
    delivery: Delivery | None = None


class Conversations:
    """Sends over the connections of a pool, as many messages at once as it has.

    ``hello_name`` is how we greet. All but the public methods runs in the one thread.
    """

    def __init__(self, pool: Pool, composer: Composer, hello_name: str, clock: Clock) -> None:
        self._pool = pool
        self._composer = composer
        self._hello_name = hello_name
        self._clock = clock
        self._orders: deque[Callable[[], None]] = deque()
        self._waiting: deque[_Job] = deque()
        self._jobs: dict[SmtpSession, _Job] = {}
        self._sockets: dict[SmtpSession, socket.socket] = {}
        self._told: dict[OnOutcomes, list[tuple[OutgoingMessage, Outcome]]] = {}
        self._workers = Workers()
        self._is_stopping = False
        self._over = Event()
        self._selector = DefaultSelector()
        self._ear: socket.socket | None = None
        self._bell: socket.socket | None = None
        self._lock = Lock()
        self._thread: Thread | None = None

    def hand_over(self, messages: Sequence[OutgoingMessage], on_outcomes: OnOutcomes) -> None:
        """Send messages; ``on_outcomes`` is called with what became of some as soon as it is known.

        It is called in this object's own thread.
        """
        with self._lock:
            if self._thread is None:
                self._ear, self._bell = socket.socketpair()
                for end in (self._ear, self._bell):
                    end.settimeout(0)
                self._selector.register(self._ear, EVENT_READ)
                self._thread = Thread(target=self._run, name="smtp", daemon=True)
                self._thread.start()
        self._order(partial(self._accept, messages, on_outcomes))

    def stop(self) -> None:
        """Let no message wait for a connection any more; safe in a signal handler."""
        self._is_stopping = True
        self._ring()

    def close(self) -> None:
        """Say goodbye on all kept connections, and talk no more."""
        self._over.set()
        self._ring()
        if self._thread is not None:
            self._thread.join()
        for session in self._pool.clear():
            session.quit_quietly()
        for session in self._jobs:
            session.close()
        self._workers.close()
        self._selector.close()
        for end in (self._ear, self._bell):
            if end is not None:
                end.close()

    def _order(self, order: Callable[[], None]) -> None:
        """Have something done by the thread."""
        self._orders.append(order)
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None:
            with suppress(OSError):  # it has not heard the last one yet, or never will
                self._bell.send(b"\0")

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._turn()
            except Exception as error:
                # A bug of ours; nobody shall wait for ever for what became of a message.
                log.exception("sending emails")
                for session in list(self._jobs):
                    session.close()
                    self._answer(self._jobs.pop(session), _internal(error))
                    self._put_back(session)
                self._tell()

    def _turn(self) -> None:
        """Go on with what can go on, start what can start, and tell what came of it."""
        for key, _ in self._selector.select(self._seconds_left()):
            if self._ear is not None and key.fileobj is self._ear:
                self._ear.recv(4096)
            elif key.data in self._jobs:
                self._go_on(key.data)
            else:
                # the server ended, or is about to, what nobody uses
                key.data.close()
                self._pool.forget(key.data)
                self._let_go(key.data)
        self._end_late_ones()
        while self._orders:
            self._orders.popleft()()
        self._start_waiting()
        self._tell()

    def _tell(self) -> None:
        told, self._told = self._told, {}
        for on_outcomes, outcomes in told.items():
            on_outcomes(outcomes)

    def _seconds_left(self) -> float | None:
        if not self._jobs:
            return None
        first = min(session.deadline for session in self._jobs)
        return max(0.0, first - self._clock.monotonic())

    def _end_late_ones(self) -> None:
        now = self._clock.monotonic()
        for session in [session for session in self._jobs if session.deadline <= now]:
            self._go_on(session, TimeoutError("timed out"))

    def _accept(self, messages: Sequence[OutgoingMessage], on_outcomes: OnOutcomes) -> None:
        for message in messages:
            job = _Job(message, on_outcomes)
            try:
                job.sender = self._composer.envelope_sender(message)
                job.content = self._composer.compose(message)
            except ValueError as error:
                self._answer(job, _refusal(error))
            except Exception as bug:
                log.exception("composing message %s", message.id)
                self._answer(job, _internal(bug))
            else:
                self._waiting.append(job)

    def _start_waiting(self) -> None:
        while self._waiting:
            session = self._pool.take()
            if session is None:
                if self._is_stopping:
                    self._answer_waiting(_STOPPING)
                return
            job = self._waiting.popleft()
            if session.is_open and not session.is_spent:
                self._start(job, session)
            else:
                self._open(job, session)

    def _open(self, job: _Job, session: SmtpSession) -> None:
        """Open a connection for a message, in the place of one that has served its time."""
        self._let_go(session)
        job.is_renewed = True

        def work() -> None:
            if session.is_open:
                session.quit_quietly()
            renewed = self._pool.renewed()
            failure = open_session(renewed, self._hello_name)
            self._order(partial(self._opened, job, renewed, failure))

        self._workers.do(work)

    def _opened(self, job: _Job, session: SmtpSession, failure: Outcome | None) -> None:
        if failure is None and session.sock is not None:
            self._sockets[session] = session.sock
            self._selector.register(session.sock, EVENT_READ, session)
            self._start(job, session)
        elif failure is not None:
            self._refused(job, session, failure)

    def _start(self, job: _Job, session: SmtpSession) -> None:
        message = job.message
        recipient, envelope_id = message.recipient, str(message.id)
        job.delivery = deliver(session, job.sender, recipient, job.content, envelope_id)
        self._jobs[session] = job
        self._go_on(session)

    def _go_on(self, session: SmtpSession, error: Exception | None = None) -> None:
        """Take a delivery as far as it goes without waiting."""
        job = self._jobs[session]
        delivery = job.delivery
        if delivery is None:
            return
        try:
            awaited = next(delivery) if error is None else delivery.throw(error)
        except StopIteration as end:
            message_id = self._composer.message_id(job.message)
            self._ended(job, session, judge(session.stage, end.value, message_id))
        except smtplib.SMTPNotSupportedError as refusal:
            self._ended(job, session, _refusal(refusal))
        except (smtplib.SMTPException, OSError) as failure:
            session.close()
            self._ended(job, session, lost(session.stage, failure))
        except Exception as bug:
            # The message may have been handed over, and no other may suffer.
            log.exception("sending message %s", job.message.id)
            session.close()
            del self._jobs[session]
            self._put_back(session)
            self._answer(job, _internal(bug))
        else:
            connection = self._sockets[session]
            if self._selector.get_key(connection).events != awaited:
                self._selector.modify(connection, awaited, session)

    def _ended(self, job: _Job, session: SmtpSession, outcome: Outcome) -> None:
        del self._jobs[session]
        if not job.is_renewed and is_used_up(session.stage, outcome):
            self._open(job, session)
        elif job.is_renewed and is_one_too_many(session.stage, outcome):
            self._refused(job, session, outcome)
        else:
            self._put_back(session)
            self._answer(job, outcome)

    def _refused(self, job: _Job, session: SmtpSession, outcome: Outcome) -> None:
        """The server did not take a connection; without another of ours none who waits is sent."""
        session.close()
        self._let_go(session)
        if self._pool.refused():
            job.is_renewed = False
            self._waiting.appendleft(job)
        else:
            self._answer(job, outcome)
            self._answer_waiting(outcome)

    def _put_back(self, session: SmtpSession) -> None:
        if not self._pool.put_back(session) or not session.is_open:
            self._let_go(session)
            if session.is_open:
                self._workers.do(session.quit_quietly)

    def _let_go(self, session: SmtpSession) -> None:
        """Watch a connection no more."""
        connection = self._sockets.pop(session, None)
        if connection is not None:
            self._selector.unregister(connection)

    def _answer_waiting(self, outcome: Outcome) -> None:
        while self._waiting:
            self._answer(self._waiting.popleft(), outcome)

    def _answer(self, job: _Job, outcome: Outcome) -> None:
        self._told.setdefault(job.on_outcomes, []).append((job.message, outcome))


def _refusal(error: Exception) -> Outcome:
    return Outcome(OutcomeKind.REFUSED, detail=one_line(str(error)), blames_recipient=True)


def _internal(error: Exception) -> Outcome:
    return Outcome(OutcomeKind.UNKNOWN, detail=f"internal error: {type(error).__name__}")
