"""Claiming what is due, in batches, and rendering it."""

import logging

from flowctl.dispatch.batches import Batch, Batches, Claim
from flowctl.dispatch.channel import Ahead, ChannelState
from flowctl.dispatch.events import EventKind
from flowctl.dispatch.rendered import RenderedMessage, Withheld, render_claimed
from flowctl.dispatch.reporting import Reporter
from flowctl.dispatch.stopping import StopSignal
from flowctl.errors import DatabaseUnreachable, FlowctlError
from flowctl.model import NO_ADDRESS, JsonObject, Status
from flowctl.rendering import CannotAddress, CannotSend
from flowctl.settings import Settings
from flowctl.store.intents import ClaimedMessage
from flowctl.store.outcomes import OutcomeRecord
from flowctl.text import one_line

log = logging.getLogger(__name__)


class Claimer:
    """Claims messages for the channels of one run."""

    def __init__(
        self, batches: Batches, settings: Settings, reporter: Reporter, stopping: StopSignal
    ) -> None:
        self._batches = batches
        self._settings = settings
        self._reporter = reporter
        self._stopping = stopping
        self._senders: dict[str, JsonObject] = {}
        self._has_second_connection = True
        self._unsent: list[tuple[ChannelState, ClaimedMessage, OutcomeRecord]] = []

    def fill(self, state: ChannelState, count: int, batch_size: int) -> None:
        """Claim until something is ready, ``count`` messages where so many are claimed; or until
        the channel is drained: nothing more is due."""
        while not self._stopping.is_set():
            if state.claimed and not (len(state.ready) >= count and state.has_next):
                self.render(state, count)
            elif state.has_next or state.is_drained:
                break
            elif state.ahead is not None:
                self._receive(state, state.ahead)
            else:
                claim = self._batches.claim(state.channel, batch_size, state.low)
                self._add(state, claim, batch_size)
        self.write_unsent()

    def look_ahead(self, state: ChannelState, batch_size: int) -> None:
        """Have the next messages claimed meanwhile, where the last claim left some."""
        can_be = self._has_second_connection and state.ahead is None and state.stopped is None
        is_low = len(state.claimed) + len(state.ready) <= batch_size // 2
        if can_be and is_low and state.low is not None:
            claim = self._batches.claim_ahead(state.channel, batch_size, state.low)
            state.ahead = None if claim is None else Ahead(claim, batch_size)

    def finish_ahead(self, state: ChannelState) -> None:
        """Take in what is being claimed ahead, so that it can be given back."""
        try:
            if state.ahead is not None:
                self._receive(state, state.ahead)
        except FlowctlError as error:
            log.warning("%s; claims end with their lease", error.message)
        self._has_second_connection = True
        self.write_unsent()

    def render(self, state: ChannelState, count: int) -> None:
        """Make the next claimed messages ready, at most so many; note those that cannot be sent."""
        for _ in range(min(count, len(state.claimed))):
            row = state.claimed.popleft()
            try:
                state.ready.append(self._render(state, row))
            except Withheld:
                state.withhold(row)
                self._reporter.message(EventKind.WITHHELD, state.channel, row)
            except CannotSend as reason:
                state.order.remove(row)
                self._unsent.append((state, row, _unsent(row, reason)))

    def write_unsent(self) -> None:
        """Record what could not be rendered."""
        if not self._unsent:
            return
        self._batches.write(Batch(results=[result for _, _, result in self._unsent]))
        written, self._unsent = self._unsent, []
        for state, row, result in written:
            kind = EventKind.FAILED if result.status is Status.FAILED else EventKind.CANCELLED
            detail, cause = result.error or "", result.cause
            self._reporter.message(kind, state.channel, row, detail, cause=cause)

    def _receive(self, state: ChannelState, ahead: Ahead) -> None:
        state.ahead = None
        try:
            self._add(state, ahead.claim.result(), ahead.batch_size)
        except DatabaseUnreachable as error:
            # that connection is gone, for this pass; the other one tells whether the database is
            self._has_second_connection = False
            log.warning("%s; claims end with their lease", error.message)

    def _add(self, state: ChannelState, claim: Claim, batch_size: int) -> None:
        """Tell what the claim decided, and keep the others to be rendered."""
        due = [row.due_at for row in claim.rows if row.due_at is not None and not row.is_pulled]
        if len(due) == batch_size:
            state.low = due[-1]
        else:
            # below the mark there may be what was given back meanwhile
            state.is_drained = state.low is None
            state.low = None
        self._senders = claim.senders
        for row in claim.rows:
            if row.cancelled is not None:
                self._reporter.message(EventKind.CANCELLED, state.channel, row, row.cancelled)
            elif row.deferred_to is not None:
                detail, until = "outside the send window", row.deferred_to
                self._reporter.message(EventKind.DEFERRED, state.channel, row, detail, until=until)
            else:
                self._reporter.message(EventKind.CLAIMED, state.channel, row)
                state.add(row)

    def _render(self, state: ChannelState, row: ClaimedMessage) -> RenderedMessage:
        try:
            return render_claimed(
                row,
                state.channel,
                state.transport_name,
                self._settings,
                sender=self._senders.get(row.flow or ""),
                prepare=state.prepare,
            )
        except (CannotSend, Withheld):
            raise
        except Exception as error:
            # A bug of ours must not hold up the other messages.
            log.exception("rendering message %s", row.id)
            raise CannotSend(f"internal error: {type(error).__name__}") from error


def _unsent(row: ClaimedMessage, reason: CannotSend) -> OutcomeRecord:
    """What to record of a message that cannot be sent: a lead without an address is no failure."""
    cause = reason.cause if isinstance(reason, CannotAddress) else None
    status = Status.CANCELLED if cause == NO_ADDRESS else Status.FAILED
    return OutcomeRecord(row.id, status, one_line(str(reason)), attempted=False, cause=cause)
