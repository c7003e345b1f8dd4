"""Sending that waits for nobody: into files, or nowhere."""

from collections.abc import Callable, Sequence

from flowctl.clock import Clock
from flowctl.dispatch.options import Options
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.dispatch.senders import Answer, Senders, hand_over
from flowctl.transports import Transport


class ImmediateSenders:
    """Sends in the coordinator's own thread, when it says so: while the database writes.

    ``on_answer`` is called as soon as an outcome is there.
    """

    def __init__(self, on_answer: Callable[[Answer], None]) -> None:
        self._on_answer = on_answer
        self._begun: list[tuple[Transport, RenderedMessage]] = []
        self._answers: list[Answer] = []

    def send(self, transport: Transport, messages: Sequence[RenderedMessage]) -> None:
        """Have messages sent by the next ``work``."""
        self._begun += [(transport, ready) for ready in messages]

    def work(self) -> None:
        """Send what was begun."""
        begun, self._begun = self._begun, []
        for transport, ready in begun:
            answer = transport.channel, ready, hand_over(transport, ready.message)
            self._on_answer(answer)
            self._answers.append(answer)

    def answers(self, timeout: float | None, enough: int) -> list[Answer]:
        """The outcomes that are there; nothing is waited for."""
        del timeout, enough
        found, self._answers = self._answers, []
        return found

    def wake(self) -> None:
        """Nobody waits here."""

    def close(self, *, wait: bool = True) -> None:
        """Nothing is open."""
        del wait


def senders_for(
    options: Options, on_answer: Callable[[Answer], None], clock: Clock
) -> Senders | ImmediateSenders:
    """Those that suit the transports of a run."""
    if options.is_immediate:
        return ImmediateSenders(on_answer)
    return Senders(options.concurrency, on_answer, clock)
