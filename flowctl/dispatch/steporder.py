"""Whose turn it is among the messages of one lead: the steps of a flow go out in their order."""

from collections import defaultdict
from collections.abc import Iterable

from flowctl.store.intents import ClaimedMessage


class StepOrder:
    """The steps that a run holds of each lead and flow on one channel, begun or not.

    The database decides between dispatchers (``begin_sends``); this keeps one of them from asking
    in vain. A message without a step waits for none.
    """

    def __init__(self) -> None:
        self._held: defaultdict[tuple[str, str], set[int]] = defaultdict(set)

    def add(self, claimed: ClaimedMessage) -> None:
        """Take note of a claim."""
        if claimed.flow is not None and claimed.step_order is not None:
            self._held[claimed.lead_id, claimed.flow].add(claimed.step_order)

    def remove(self, claimed: ClaimedMessage) -> None:
        """Take note that a message was given back, or has its outcome."""
        if claimed.flow is None or claimed.step_order is None:
            return
        key = claimed.lead_id, claimed.flow
        self._held[key].discard(claimed.step_order)
        if not self._held[key]:
            del self._held[key]

    def is_first(self, claimed: ClaimedMessage) -> bool:
        """Whether no earlier step of the lead's is held."""
        if claimed.flow is None or claimed.step_order is None:
            return True
        return claimed.step_order <= min(self._held[claimed.lead_id, claimed.flow])

    def restart(self, held: Iterable[ClaimedMessage]) -> None:
        """Hold these and no others."""
        self._held.clear()
        for claimed in held:
            self.add(claimed)
