"""Work on a database connection: one that comes back when it is lost, the dispatcher's, which must
not lose what it knows; or one that a command has opened and that ends with it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from math import inf
from random import Random
from typing import Protocol, TypeVar

import psycopg

from flowctl.clock import Clock
from flowctl.database import Connection, is_connection_lost, translate
from flowctl.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
    DatabaseUnreachable,
    FlowctlError,
    PasswordRefused,
)
from flowctl.pooling import has_own_server
from flowctl.watchdog import Watchdog

T = TypeVar("T")

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 15.0
PASSWORD_PAUSE = 120.0
"""Seconds after a refused password: Supabase bans the address that keeps trying."""

REFUSALS_TAKEN = 8
"""How often a statement that must be done is tried again when the database refuses it."""

STATEMENT_LIMIT = 60.0
"""Seconds after which work whose answer does not come counts as lost with its connection."""

REPORT_EVERY = 60.0
"""Seconds between two reports that the database is still away."""

_CONFLICTS = ("40001", "40P01")
"""Serialization failure and deadlock: the transaction was undone and may be run again."""

_NOT_PREPARED = ("26000", "42P05")
"""No such prepared statement, or one already: a pooler that was not recognized. It was undone."""

_ONLY_ON_REQUEST = 2**31
"""Uses after which psycopg would prepare a statement by itself."""


class Worker(Protocol):
    """Runs work on a database connection."""

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``; again if it lost a conflict with another transaction."""

    def run_until_done(
        self, work: Callable[[Connection], T], pause: Callable[[float], bool] | None = None
    ) -> T:
        """Run ``work``, which must be safe to repeat, as long as there is hope that it gets done.

        ``pause(seconds)`` waits for a database that is away, or says that there is no more time.
        """

    def close(self) -> None:
        """Close the connection for good."""


class OpenConnection:
    """Runs statements over a connection that is somebody else's to open and close; where it is lost
    the work has failed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``; again if it lost a conflict with another transaction.

        Raises what ``flowctl.database.translate`` makes of psycopg's errors.
        """
        while True:
            try:
                return work(self._connection)
            except psycopg.Error as error:
                if error.sqlstate not in _CONFLICTS:
                    raise translate(error) from error

    def run_until_done(
        self, work: Callable[[Connection], T], pause: Callable[[float], bool] | None = None
    ) -> T:
        """As :meth:`run`: nothing is waited for."""
        del pause
        return self.run(work)

    def close(self) -> None:
        """Leave it to its owner."""


class ReconnectingConnection:
    """Runs statements over one connection, and opens it again when it is lost.

    ``connect`` raises DatabaseUnreachable while the server cannot be reached. ``pause(seconds)``
    waits and returns false when there is to be no further try. ``on_change(reason)`` is called with
    why the database is gone or refuses, again each minute while it does, and with an empty reason
    when it is back. ``limit()`` is for how many seconds work may wait for its answers; without it
    there is no limit.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        pause: Callable[[float], bool],
        random: Random,
        on_change: Callable[[str], None],
        clock: Clock,
        limit: Callable[[], float] | None = None,
    ) -> None:
        self._connect = connect
        self._pause = pause
        self._random = random
        self._on_change = on_change
        self._connection: Connection | None = None
        self._clock = clock
        self._watchdog = None if limit is None else Watchdog(clock, limit)
        self._is_new = True
        self._is_away = False
        self._reported_at = -inf

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``; again if it lost a conflict with another transaction.

        Raises DatabaseUnreachable when the connection is lost (whether the work was done is then
        unknown) or cannot be opened, and where the database refuses for now (DatabaseBusy).
        """
        while True:
            try:
                connection = self._open()
                with self._timed(connection):
                    if self._is_new:
                        allow_prepared(connection)
                        self._is_new = False
                    result = work(connection)
            except psycopg.Error as error:
                if error.sqlstate in _NOT_PREPARED and self._connection is not None:
                    self._connection.prepare_threshold = None
                    continue
                if error.sqlstate in _CONFLICTS:
                    continue
                failure = translate(error)
                if is_connection_lost(error) or isinstance(failure, DatabaseBusy):
                    self._gone(failure)
                raise failure from error
            except DatabaseUnreachable as error:
                self._gone(error)
                raise
            self._back()
            return result

    def run_until_done(
        self, work: Callable[[Connection], T], pause: Callable[[float], bool] | None = None
    ) -> T:
        """Run ``work``, which must be safe to repeat, until it is done.

        A database that is away, or refuses for now, is waited for until ``pause`` (the connection's
        own unless given) says no; one that refuses for good (a right was taken away) is asked a few
        times more. Raises DatabaseUnavailable then.
        """
        wait = pause or self._pause
        length = FIRST_PAUSE
        refusals = 0
        while True:
            try:
                return self.run(work)
            except DatabaseUnavailable as error:
                refusals += not isinstance(error, DatabaseUnreachable)
                spread = length * self._random.uniform(0.8, 1.2)
                seconds = PASSWORD_PAUSE if isinstance(error, PasswordRefused) else spread
                if refusals > REFUSALS_TAKEN or not wait(seconds):
                    raise
            length = min(length * 2, LONGEST_PAUSE)

    def close(self) -> None:
        """Close the connection for good."""
        if self._watchdog is not None:
            self._watchdog.close()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _timed(self, connection: Connection) -> AbstractContextManager[None]:
        if self._watchdog is None:
            return nullcontext()
        return self._watchdog.watching(connection.fileno())

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            self._is_new = True
        return self._connection

    def _gone(self, failure: FlowctlError) -> None:
        """Let go of the connection (a new one takes new settings of the server), and report: a loss
        at once, what lasts or comes again and again once a minute."""
        self._disconnect()
        now = self._clock.monotonic()
        is_new = not self._is_away and not isinstance(failure, DatabaseBusy)
        if is_new or now - self._reported_at >= REPORT_EVERY:
            self._reported_at, self._is_away = now, True
            self._on_change(failure.message)

    def _back(self) -> None:
        """Report that it is back, if it was reported away."""
        if self._is_away:
            self._is_away = False
            self._on_change("")


def allow_prepared(connection: Connection) -> None:
    """Let statements that ask for it be prepared, unless a pooler stands between."""
    if has_own_server(connection):
        connection.prepare_threshold = _ONLY_ON_REQUEST
