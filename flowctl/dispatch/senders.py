"""The threads that wait for providers."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread

from flowctl.clock import Clock
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.transports import ManyAtOnce, Transport

Answer = tuple[Channel, RenderedMessage, Outcome]

CLOSE_TOGETHER = 0.001
"""Seconds between two outcomes that are recorded together: less than the cost of a commit."""

GATHERING = 0.004
"""Seconds for which outcomes are gathered at most, however close they come: those that are there
make room for the next messages."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Gathering:
    """How long the outcomes that came wait for another one to be recorded with; pure."""

    _ends: float = inf

    def seconds_left(self, now: float) -> float:
        """Seconds, after one that came at ``now`` of a monotonic clock."""
        self._ends = min(self._ends, now + GATHERING)
        return max(0.0, min(CLOSE_TOGETHER, self._ends - now))


def hand_over(transport: Transport, message: OutgoingMessage) -> Outcome:
    """Send a message; raises nothing."""
    try:
        return transport.send(message)
    except Exception as error:
        # A bug of ours; the message may have been handed over, and no other may suffer.
        log.exception("sending message %s", message.id)
        return Outcome(OutcomeKind.UNKNOWN, detail=f"internal error: {type(error).__name__}")


class Senders:
    """Hands messages to transports, and collects what became of them.

    A transport that takes many at once has a thread of its own; for the others there are up to
    ``count`` threads, each of which waits for one message. ``on_answer`` is called in the thread
    that learned of an outcome, as soon as it is there.
    """

    def __init__(self, count: int, on_answer: Callable[[Answer], None], clock: Clock) -> None:
        self._count = count
        self._clock = clock
        self._jobs: SimpleQueue[tuple[Transport, RenderedMessage] | None] = SimpleQueue()
        self._answers: SimpleQueue[list[Answer]] = SimpleQueue()
        self._on_answer = on_answer
        self._threads: list[Thread] = []

    def work(self) -> None:
        """Nothing to do for the coordinator: the threads work."""

    def send(self, transport: Transport, messages: Sequence[RenderedMessage]) -> None:
        """Have messages sent, each as soon as can be."""
        if messages and isinstance(transport, ManyAtOnce):
            self._hand_over(transport, transport.channel, messages)
            return
        for ready in messages:
            self._jobs.put((transport, ready))
            if len(self._threads) < self._count:
                self._start_thread()

    def answers(self, timeout: float | None, enough: int) -> list[Answer]:
        """The outcomes that are there; waits for the first one, at most ``timeout`` seconds.

        While others follow at once it goes on for a while, up to ``enough`` of them: each batch
        costs a commit.
        """
        found: list[Answer] = []
        wait = timeout
        gathering = Gathering()
        try:
            while len(found) < enough:
                answers = self._answers.get(timeout=wait)
                if not answers:
                    break
                found += answers
                wait = gathering.seconds_left(self._clock.monotonic())
        except Empty:
            pass
        return found

    def wake(self) -> None:
        """Let a waiting ``answers`` return; safe in a signal handler."""
        self._answers.put([])

    def close(self, *, wait: bool = True) -> None:
        """Let the threads end, once they have sent what they hold."""
        for _ in self._threads:
            self._jobs.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _hand_over(
        self, transport: ManyAtOnce, channel: Channel, messages: Sequence[RenderedMessage]
    ) -> None:
        by_id = {ready.message.id: ready for ready in messages}

        def report(outcomes: Sequence[tuple[OutgoingMessage, Outcome]]) -> None:
            self._tell([(channel, by_id[message.id], outcome) for message, outcome in outcomes])

        prepared = [ready.prepared for ready in messages if ready.prepared is not None]
        transport.hand_over(prepared, report)

    def _start_thread(self) -> None:
        name = f"sender-{len(self._threads)}"
        thread = Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            transport, ready = job
            self._tell([(transport.channel, ready, hand_over(transport, ready.message))])

    def _tell(self, answers: list[Answer]) -> None:
        for answer in answers:
            self._on_answer(answer)
        self._answers.put(answers)
