"""Filling the lanes: what is due is claimed in batches, judged, and rendered."""

import logging
from collections.abc import Iterable
from threading import Event

from flowctl.dispatch.events import EventKind
from flowctl.dispatch.lane import Lane
from flowctl.dispatch.ledger import Ledger, Turn
from flowctl.dispatch.rendering import Ready, Unsendable, render_claimed
from flowctl.dispatch.telling import Teller
from flowctl.model import Status
from flowctl.settings import Settings
from flowctl.store.sends import Claimed, Result
from flowctl.transports.detail import one_line

log = logging.getLogger(__name__)


class Feed:
    """Claims for the lanes of one run."""

    def __init__(self, ledger: Ledger, settings: Settings, teller: Teller, stopping: Event) -> None:
        self._ledger = ledger
        self._settings = settings
        self._teller = teller
        self._stopping = stopping

    def fill(self, lane: Lane, batch_size: int) -> None:
        """Claim until something is ready, or the lane is drained: nothing more is due."""
        while not (lane.ready or lane.is_drained or self._stopping.is_set()):
            rows = self._ledger.claim(lane.channel, batch_size, lane.low)
            due = [row.due_at for row in rows if row.due_at is not None]
            if len(due) == batch_size:
                lane.low = due[-1]
            else:
                # below the mark there may be what was given back meanwhile
                lane.is_drained = lane.low is None
                lane.low = None
            self._sort(lane, rows)

    def _sort(self, lane: Lane, rows: Iterable[Claimed]) -> None:
        """Tell what the claim decided, render the others, and fail what cannot be rendered."""
        turn = Turn()
        failed: list[Claimed] = []
        for row in rows:
            if row.cancelled is not None:
                self._teller.message(EventKind.CANCELLED, lane.channel, row, row.cancelled)
            elif row.deferred_to is not None:
                said = "outside the send window"
                self._teller.message(
                    EventKind.DEFERRED, lane.channel, row, said, until=row.deferred_to
                )
            else:
                self._teller.message(EventKind.CLAIMED, lane.channel, row)
                try:
                    lane.ready.append(self._render(lane, row))
                except Unsendable as reason:
                    said = one_line(str(reason))
                    turn.results.append(Result(row.id, Status.FAILED, said, attempted=False))
                    failed.append(row)
        self._ledger.write(turn)
        for row, result in zip(failed, turn.results, strict=True):
            self._teller.message(EventKind.FAILED, lane.channel, row, result.error or "")

    def _render(self, lane: Lane, row: Claimed) -> Ready:
        try:
            return render_claimed(row, lane.channel, lane.transport_name, self._settings)
        except Unsendable:
            raise
        except Exception as error:
            # A bug of ours must not hold up the other messages.
            log.exception("rendering message %s", row.id)
            raise Unsendable(f"internal error: {type(error).__name__}") from error
