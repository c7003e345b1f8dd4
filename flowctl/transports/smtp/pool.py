"""The connections of a transport: one thread uses each at a time; they are kept, and renewed."""

import threading
from collections.abc import Callable

from flowctl.clock import Clock
from flowctl.model import Outcome, OutcomeKind
from flowctl.transports.smtp.session import SmtpSession

FEWER_FOR = 600.0
"""Seconds for which a server that refused one connection more is not asked for it again."""

_LOOK = 0.5
"""Seconds between two looks at whether the run stops: a signal handler may take no lock."""

_STOPPING = Outcome(OutcomeKind.NOT_TRIED, detail="stopped while it waited for a connection")


class Pool:
    """At most ``most`` connections, and fewer once the server refused one while others were there.

    ``make`` makes a session that is not open yet.
    """

    def __init__(self, make: Callable[[], SmtpSession], most: int, clock: Clock) -> None:
        self._make = make
        self._most = most
        self._clock = clock
        self._changed = threading.Condition()
        self._idle: list[SmtpSession] = []
        self._count = 0
        self._allowed = most
        self._fewer_until = 0.0
        self._outage: Outcome | None = None
        self._outages = 0
        self._is_stopping = False

    def take(self) -> SmtpSession | Outcome:
        """A connection: one that was kept, or one to be opened; waits until there is one.

        The outcome instead where there is none: the run stops, or the server went away meanwhile.
        """
        with self._changed:
            outages = self._outages
            while True:
                if self._idle:
                    return self._idle.pop()
                if self._count < self._limit():
                    self._count += 1
                    return self._make()
                if self._is_stopping:
                    return _STOPPING
                self._changed.wait(_LOOK)
                if self._outage is not None and self._outages != outages:
                    return self._outage

    def put_back(self, session: SmtpSession) -> None:
        """Keep a connection for the next message; one that is spent is closed instead."""
        with self._changed:
            is_kept = session.is_open and not session.is_spent and self._count <= self._limit()
            if is_kept:
                self._idle.append(session)
                self._changed.notify()
        if not is_kept:
            session.quit_quietly()
            self.forget()

    def renewed(self, session: SmtpSession) -> SmtpSession:
        """Another connection to be opened, in the place of one that has served its time."""
        session.quit_quietly()
        return self._make()

    def refused(self, session: SmtpSession, outcome: Outcome) -> bool:
        """Give up a connection that the server did not take; whether to wait for another of ours.

        Without another of ours all who wait get the same outcome.
        """
        session.close()
        with self._changed:
            self._count -= 1
            has_others = self._count > 0
            if has_others:
                self._allowed = self._count
                self._fewer_until = self._clock.monotonic() + FEWER_FOR
            else:
                # that none can be had says nothing about how many the server takes
                self._fewer_until = 0.0
                self._outage = outcome
                self._outages += 1
            self._changed.notify_all()
        return has_others

    def forget(self) -> None:
        """Let another connection take the place of one that is gone."""
        with self._changed:
            self._count -= 1
            self._changed.notify()

    def stop(self) -> None:
        """Let nobody wait for a connection any more; safe in a signal handler."""
        self._is_stopping = True

    def close(self) -> None:
        """Say goodbye on all kept connections, and keep none from now on."""
        with self._changed:
            kept, self._idle = self._idle, []
            self._most = self._allowed = 0
            self._count -= len(kept)
        for session in kept:
            session.quit_quietly()

    def _limit(self) -> int:
        is_over = self._clock.monotonic() >= self._fewer_until
        return self._most if is_over else min(self._most, self._allowed)
