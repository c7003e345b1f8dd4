"""Keeping what a run holds while it waits for providers."""

from contextlib import suppress
from datetime import timedelta

from flowctl.clock import Clock
from flowctl.dispatch.batches import Batches
from flowctl.dispatch.channel import Channels
from flowctl.errors import DatabaseUnavailable

RENEWALS = 3
"""How often a lease is renewed in the time that it lasts."""


class Leases:
    """Renews the leases of what the channels of a run have claimed, begun or not."""

    def __init__(
        self, batches: Batches, channels: Channels, lease: timedelta, clock: Clock
    ) -> None:
        self._batches = batches
        self._channels = channels
        self._interval = lease.total_seconds() / RENEWALS
        self._clock = clock
        self._renewed_at = clock.monotonic()

    def limited(self, wait: float | None) -> float:
        """Seconds to wait, at most so many, until leases must be renewed."""
        left = max(0.0, self._renewed_at + self._interval - self._clock.monotonic())
        return left if wait is None else min(wait, left)

    def renew_if_due(self) -> None:
        """Renew; a database that is away is waited for where it is needed."""
        if self.limited(None) > 0.0:
            return
        self._renewed_at = self._clock.monotonic()
        with suppress(DatabaseUnavailable):
            self._batches.renew(self._channels.claimed())
