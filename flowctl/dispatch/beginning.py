"""What begin decided about each message of a turn."""

from collections.abc import Mapping
from uuid import UUID

from flowctl.dispatch.batches import Batches
from flowctl.dispatch.channel import Channels, ChannelState
from flowctl.dispatch.events import EventKind
from flowctl.dispatch.options import BUSY_PAUSE
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.dispatch.reporting import Reporter
from flowctl.store.intents import BeginResult


class Beginner:
    """Takes what was begun for the channels of one run, and puts away the rest."""

    def __init__(self, batches: Batches, channels: Channels, reporter: Reporter) -> None:
        self._batches = batches
        self._channels = channels
        self._reporter = reporter

    def begins(
        self, state: ChannelState, ready: RenderedMessage, decision: BeginResult | None
    ) -> bool:
        """Whether a message was begun and is to be handed over; puts it away where it was not."""
        claimed = ready.claimed
        if decision is None:
            state.drop(ready)
            self._reporter.message(EventKind.TAKEN_OVER, state.channel, claimed)
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
