"""The threads that wait for providers."""

import logging
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread

from flowctl.dispatch.rendered import RenderedMessage
from flowctl.model import Channel, Outcome, OutcomeKind
from flowctl.transports import Transport

Answer = tuple[Channel, RenderedMessage, Outcome]

CLOSE_TOGETHER = 0.002
"""Seconds between two outcomes that are recorded together: about the cost of a commit."""

log = logging.getLogger(__name__)


class Senders:
    """Hands messages to transports, as many at once as there are threads.

    ``on_answer`` is called in a sender's thread as soon as an outcome is there.
    """

    def __init__(self, count: int, on_answer: Callable[[Answer], None]) -> None:
        self._jobs: SimpleQueue[tuple[Transport, RenderedMessage] | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer | None] = SimpleQueue()
        self._on_answer = on_answer
        self._threads = [
            Thread(target=self._work, name=f"sender-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, transport: Transport, ready: RenderedMessage) -> None:
        """Have a message sent by the next free thread."""
        self._jobs.put((transport, ready))

    def answers(self, timeout: float | None, enough: int) -> list[Answer]:
        """The outcomes that are there; waits for the first one, at most ``timeout`` seconds.

        While others follow at once it goes on, up to ``enough`` of them: each batch costs a commit.
        """
        found: list[Answer] = []
        wait = timeout
        try:
            while len(found) < enough:
                answer = self._answers.get(timeout=wait)
                if answer is None:
                    break
                found.append(answer)
                wait = CLOSE_TOGETHER
        except Empty:
            pass
        return found

    def wake(self) -> None:
        """Let a waiting ``answers`` return; safe in a signal handler."""
        self._answers.put(None)

    def close(self, *, wait: bool = True) -> None:
        """Let the threads end, once they have sent what they hold."""
        for _ in self._threads:
            self._jobs.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            transport, ready = job
            try:
                outcome = transport.send(ready.message)
            except Exception as error:
                # A bug of ours; the message may have been handed over, and no other may suffer.
                log.exception("sending message %s", ready.message.id)
                outcome = Outcome(
                    OutcomeKind.UNKNOWN, detail=f"internal error: {type(error).__name__}"
                )
            answer = (transport.channel, ready, outcome)
            self._on_answer(answer)
            self._answers.put(answer)
