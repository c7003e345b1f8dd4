"""What outcomes mean for messages and for their channels."""

from random import Random

from flowctl.clock import Clock
from flowctl.dispatch.batches import Batch, Batches
from flowctl.dispatch.channel import Channels, ChannelState
from flowctl.dispatch.outcomes import Decision, decide
from flowctl.dispatch.recovery import fail_unanswerable, look_up_channel
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.dispatch.reporting import Reporter
from flowctl.dispatch.senders import Answer
from flowctl.model import Outcome
from flowctl.store.refusals import Refused


class Decider:
    """Decides what is recorded of each outcome, and which channels stop."""

    def __init__(
        self, channels: Channels, reporter: Reporter, *, clock: Clock, random: Random
    ) -> None:
        self._channels = channels
        self._reporter = reporter
        self._clock = clock
        self._random = random

    def decide(self, batch: Batch, answer: Answer) -> tuple[RenderedMessage, Outcome, Decision]:
        """Enter an outcome into the batch, and stop its channel if it says so."""
        channel, ready, outcome = answer
        state = self._channels[channel]
        message_id = ready.claimed.id
        state.end(message_id)
        now = self._clock.monotonic()
        self._observe(state, outcome, now, ready.intent.address)
        decision = decide(ready, outcome, self._random, can_look_up=state.lookup is not None)
        if decision.is_lookup:
            batch.unknown_texts[message_id] = decision.result.error or ""
        else:
            batch.results.append(decision.result)
        refused = (
            []
            if decision.suppression is None
            else [Refused(message_id, channel, ready.intent.address, decision.suppression)]
        )
        batch.refused += state.proven(refused, outcome, now)
        return ready, outcome, decision

    def _observe(
        self, state: ChannelState, outcome: Outcome, now: float, recipient: str = ""
    ) -> None:
        """Take an outcome into account, and stop the channel if it says so."""
        stop = state.observe(outcome, now, recipient)
        if stop is not None:
            self._reporter.channel_stopped(state.channel, stop)

    def resolve_unknown(self, batches: Batches) -> None:
        """End the sends of dead dispatchers: fail the emails, look up the texts."""
        fail_unanswerable(batches, self._reporter.event)
        for state in self._channels:
            if state.lookup is not None and state.stopped is None:
                stop = look_up_channel(batches, state.lookup, self._reporter.event)
                if stop is not None:
                    self._observe(state, stop, self._clock.monotonic())
