"""Reporting to the observer what happens in a run, and adding it up."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from flowctl.dispatch.events import UNCOUNTED, Event, EventKind, Observer, Totals
from flowctl.dispatch.outcomes import Decision
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.dispatch.senders import Answer
from flowctl.model import Channel, Outcome
from flowctl.store.intents import ClaimedMessage
from flowctl.text import one_line

LATE = timedelta(hours=1)
"""From here on a message counts as late in a run's totals."""


class Reporter:
    """Makes events of what a run does; ``totals`` is their sum so far.

    An observer that raises (the reader of its output went away) must not tear a batch apart: the
    first such error is kept as ``failure``, ``on_failure`` is called, and no more is told. Of the
    ``UNCOUNTED`` events it is told only the kinds ``observed``.
    """

    def __init__(
        self,
        observer: Observer,
        on_failure: Callable[[], None],
        observed: Iterable[EventKind] = EventKind,
    ) -> None:
        self.totals = Totals()
        self.failure: Exception | None = None
        self._observer = observer
        self._on_failure = on_failure
        self._unobserved = UNCOUNTED.difference(observed)

    def raise_failure(self) -> None:
        """Raise what the observer raised, if it did."""
        if self.failure is not None:
            raise self.failure

    def event(self, event: Event) -> None:
        """Pass an event on, and count it."""
        self.totals.count(event)
        self._pass_on(event)

    def message(
        self,
        kind: EventKind,
        channel: Channel,
        claimed: ClaimedMessage,
        detail: str = "",
        *,
        until: datetime | None = None,
        cause: str | None = None,
    ) -> None:
        """Tell what was decided about a message before it was handed over."""
        if kind in self._unobserved:
            return
        lead, step = claimed.lead_id, (claimed.flow, claimed.key)
        self.event(
            Event(kind, channel, claimed.id, lead, *step, detail=detail, until=until, cause=cause)
        )

    def begun(self, ready: RenderedMessage) -> None:
        """Tell that a message is about to be handed over."""
        if EventKind.BEGUN in self._unobserved:
            return
        claimed, message = ready.claimed, ready.message
        self.event(
            Event(
                EventKind.BEGUN,
                message.channel,
                claimed.id,
                claimed.lead_id,
                claimed.flow,
                claimed.key,
                message,
            )
        )

    def answered(self, answer: Answer) -> None:
        """Tell of an outcome that is not recorded yet; called in a sender's thread."""
        if EventKind.ANSWERED in self._unobserved:
            return
        channel, ready, outcome = answer
        self._pass_on(Event(EventKind.ANSWERED, channel, ready.claimed.id, outcome=outcome))

    def recorded(
        self, ready: RenderedMessage, outcome: Outcome, decision: Decision, *, took: bool
    ) -> None:
        """Tell of an outcome that is recorded; ``took`` is false where the message had changed."""
        claimed = ready.claimed
        if decision.kind is EventKind.SENT and claimed.late_by is not None:
            self.totals.late += claimed.late_by > LATE
            self.totals.latest = max(self.totals.latest, claimed.late_by)
        error = decision.result.error or ""
        self.event(
            Event(
                decision.kind,
                ready.message.channel,
                claimed.id,
                claimed.lead_id,
                claimed.flow,
                claimed.key,
                ready.message,
                error if took else f"{error} (the message was changed meanwhile)".strip(),
                is_unknown=decision.result.is_unknown,
                outcome=outcome,
            )
        )

    def channel_stopped(self, channel: Channel, outcome: Outcome) -> None:
        """Tell why a channel stops."""
        self.totals.stopped[channel] = outcome
        detail = one_line(f"{outcome.code} {outcome.detail}")
        self.event(Event(EventKind.CHANNEL_STOPPED, channel, detail=detail, outcome=outcome))

    def database(self, reason: str) -> None:
        """Tell that the database is gone, or, with no reason, that it is back."""
        kind = EventKind.DATABASE_LOST if reason else EventKind.DATABASE_BACK
        self.event(Event(kind, detail=reason))

    def _pass_on(self, event: Event) -> None:
        if self.failure is not None:
            return
        try:
            self._observer(event)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run raises it at its end
            self.failure = error
            self._on_failure()
