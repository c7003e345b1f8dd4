"""Claiming what is due, in batches, and rendering it."""

import logging
from collections.abc import Iterable

from flowctl.dispatch.batches import Batch, Batches
from flowctl.dispatch.channel import ChannelState
from flowctl.dispatch.events import EventKind
from flowctl.dispatch.rendered import RenderedMessage, Withheld, render_claimed
from flowctl.dispatch.reporting import Reporter
from flowctl.dispatch.stopping import StopSignal
from flowctl.model import NO_ADDRESS, JsonObject, Status
from flowctl.rendering import CannotAddress, CannotSend
from flowctl.settings import Settings
from flowctl.store.dispatch import ClaimedMessage, OutcomeRecord
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

    def fill(self, state: ChannelState, batch_size: int) -> None:
        """Claim until something is ready, or the channel is drained: nothing more is due."""
        while not (state.has_next or state.is_drained or self._stopping.is_set()):
            rows = self._batches.claim(state.channel, batch_size, state.low)
            due = [row.due_at for row in rows if row.due_at is not None and not row.is_pulled]
            if len(due) == batch_size:
                state.low = due[-1]
            else:
                # below the mark there may be what was given back meanwhile
                state.is_drained = state.low is None
                state.low = None
            if rows:
                self._senders = self._batches.senders()
            self._sort(state, rows)

    def _sort(self, state: ChannelState, rows: Iterable[ClaimedMessage]) -> None:
        """Tell what the claim decided, render the others, and fail what cannot be rendered."""
        batch = Batch()
        ended: list[ClaimedMessage] = []
        for row in rows:
            if row.cancelled is not None:
                self._reporter.message(EventKind.CANCELLED, state.channel, row, row.cancelled)
            elif row.deferred_to is not None:
                detail = "outside the send window"
                self._reporter.message(
                    EventKind.DEFERRED, state.channel, row, detail, until=row.deferred_to
                )
            else:
                self._reporter.message(EventKind.CLAIMED, state.channel, row)
                try:
                    state.add(self._render(state, row))
                except Withheld:
                    state.withheld.append(row.id)
                    self._reporter.message(EventKind.WITHHELD, state.channel, row)
                except CannotSend as reason:
                    batch.results.append(_unsent(row, reason))
                    ended.append(row)
        self._batches.write(batch)
        for row, result in zip(ended, batch.results, strict=True):
            kind = EventKind.FAILED if result.status is Status.FAILED else EventKind.CANCELLED
            detail, cause = result.error or "", result.cause
            self._reporter.message(kind, state.channel, row, detail, cause=cause)

    def _render(self, state: ChannelState, row: ClaimedMessage) -> RenderedMessage:
        try:
            return render_claimed(
                row,
                state.channel,
                state.transport_name,
                self._settings,
                sender=self._senders.get(row.flow or ""),
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
