"""The connections of a transport: how many there may be, and which are free. One thread asks."""

from collections.abc import Callable

from flowctl.clock import Clock
from flowctl.transports.smtp.session import SmtpSession

FEWER_FOR = 600.0
"""Seconds for which a server that refused one connection more is not asked for it again."""


class Pool:
    """At most ``most`` connections, and fewer once the server refused one while others were there.

    ``make`` makes a session that is not open yet.
    """

    def __init__(self, make: Callable[[], SmtpSession], most: int, clock: Clock) -> None:
        self._make = make
        self._most = most
        self._clock = clock
        self._idle: list[SmtpSession] = []
        self._count = 0
        self._allowed = most
        self._fewer_until = 0.0

    def take(self) -> SmtpSession | None:
        """A connection: one that was kept, or one to be opened; null where all are in use."""
        if self._idle:
            return self._idle.pop()
        if self._count >= self._limit():
            return None
        self._count += 1
        return self._make()

    def put_back(self, session: SmtpSession) -> bool:
        """Keep a connection for the next message; false where there are to be fewer of them."""
        if not session.is_open or self._count > self._limit():
            self._count -= 1
            return False
        self._idle.append(session)
        return True

    def refused(self) -> bool:
        """Give up a connection that the server did not take; whether another of ours is left."""
        self._count -= 1
        has_others = self._count > 0
        if has_others:
            self._allowed = self._count
            self._fewer_until = self._clock.monotonic() + FEWER_FOR
        else:
            # that none can be had says nothing about how many the server takes
            self._fewer_until = 0.0
        return has_others

    def forget(self, session: SmtpSession) -> None:
        """Let another connection take the place of one that is gone."""
        if session in self._idle:
            self._idle.remove(session)
        self._count -= 1

    def clear(self) -> list[SmtpSession]:
        """Give up the connections that are kept."""
        kept, self._idle = self._idle, []
        self._count -= len(kept)
        return kept

    def _limit(self) -> int:
        is_over = self._clock.monotonic() >= self._fewer_until
        return self._most if is_over else min(self._most, self._allowed)
