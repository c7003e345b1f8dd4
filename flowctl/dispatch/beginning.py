"""What begin decided about each message of a turn."""

from collections.abc import Mapping
from uuid import UUID

from flowctl.dispatch.batches import Batches
from flowctl.dispatch.channel import Channels, ChannelState
from flowctl.dispatch.events import EventKind
from flowctl.dispatch.options import BUSY_PAUSE
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.dispatch.reporting import Reporter
from flowctl.store.intents import BeginResult, ClaimedMessage


class Beginner:
    """Takes what was begun for the channels of one run, and puts away the rest."""

    def __init__(self, batches: Batches, channels: Channels, reporter: Reporter) -> None:
        self._batches = batches
        self._channels = channels
        self._reporter = reporter
        self._left_out: list[tuple[ChannelState, ClaimedMessage]] = []

    def begins(
        self, state: ChannelState, ready: RenderedMessage, decision: BeginResult | None
    ) -> bool:
        """Whether a message was begun and is to be handed over; puts it away where it was not."""
        claimed = ready.claimed
        if decision is None:
            state.drop(ready)
            self._left_out.append((state, claimed))
        elif decision.cancelled is not None:
            state.drop(ready)
            self._reporter.message(EventKind.CANCELLED, state.channel, claimed, decision.cancelled)
        elif decision.deferred_to is not None:
            state.drop(ready)
            detail, until = "too soon after the lead's last message", decision.deferred_to
            self._reporter.message(EventKind.DEFERRED, state.channel, claimed, detail, until=until)
        elif decision.is_limited:
            self._reporter.totals.is_limited = True
            state.ready.appendleft(ready)
        elif decision.is_busy:
            state.busy.append(ready)
        else:
            self._reporter.begun(ready)
            state.begin(ready)
            return True
        return False

    def release_left_out(self) -> None:
        """Give back what begin left out and is still ours, to be claimed again as it is by now:
        above all where its flow was paused, or has a guard, since the claim."""
        if not self._left_out:
            return
        released = self._batches.release([claimed.id for _, claimed in self._left_out])
        left_out, self._left_out = self._left_out, []
        for state, claimed in left_out:
            if claimed.id in released:
                state.is_drained = False
                detail = "its flow or its claim has changed meanwhile"
                self._reporter.message(EventKind.RELEASED, state.channel, claimed, detail)
            else:
                self._reporter.message(EventKind.TAKEN_OVER, state.channel, claimed)

    def rest_busy(self, begun: Mapping[UUID, BeginResult]) -> None:
        """Give back what waits for another message, unless one of ours may still make room."""
        busy = [(state, ready) for state in self._channels for ready in state.busy]
        if not busy or self._channels.in_flight() or any(not one.is_busy for one in begun.values()):
            return
        self._batches.release([ready.claimed.id for _, ready in busy], BUSY_PAUSE)
        for state, ready in busy:
            state.drop(ready)
            state.busy.clear()
            detail = "waits for another message, which another dispatcher is sending"
            self._reporter.message(EventKind.DEFERRED, state.channel, ready.claimed, detail)
