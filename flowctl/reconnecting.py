"""A database connection that comes back: the dispatcher's, which must not lose what it knows."""

from collections.abc import Callable
from random import Random
from typing import TypeVar

import psycopg

from flowctl.database import Connection, is_connection_lost, translate
from flowctl.errors import DatabaseUnavailable, DatabaseUnreachable, PasswordRefused

T = TypeVar("T")

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 15.0
PASSWORD_PAUSE = 120.0
"""Seconds after a refused password: Supabase bans the address that keeps trying."""

REFUSALS_TAKEN = 8
"""How often a statement that must be done is tried again when the database refuses it."""

_CONFLICTS = ("40001", "40P01")
"""Serialization failure and deadlock: the transaction was undone and may be run again."""


class ReconnectingConnection:
    """Runs statements over one connection, and opens it again when it is lost.

    ``connect`` raises DatabaseUnreachable while the server cannot be reached. ``pause(seconds)``
    waits and returns false when there is to be no further try. ``on_change(reason)`` is called with
    why the database is gone, and with an empty reason when it is back.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        pause: Callable[[float], bool],
        random: Random,
        on_change: Callable[[str], None],
    ) -> None:
        self._connect = connect
        self._pause = pause
        self._random = random
        self._on_change = on_change
        self._connection: Connection | None = None
        self._is_away = False

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``; again if it lost a conflict with another transaction.

        Raises DatabaseUnreachable when the connection is lost (whether the work was done is then
        unknown) or cannot be opened.
        """
        while True:
            try:
                connection = self._open()
                result = work(connection)
            except psycopg.Error as error:
                if error.sqlstate in _CONFLICTS:
                    continue
                failure = translate(error)
                if is_connection_lost(error):
                    self._gone(failure.message)
                raise failure from error
            except DatabaseUnreachable as error:
                self._gone(error.message)
                raise
            if self._is_away:
                self._is_away = False
                self._on_change("")
            return result

    def run_until_done(
        self, work: Callable[[Connection], T], pause: Callable[[float], bool] | None = None
    ) -> T:
        """Run ``work``, which must be safe to repeat, until it is done.

        A database that is away is waited for until ``pause`` (the connection's own unless given)
        says no; one that refuses (a right was taken away, its disk is full) is asked a few times
        more. Raises DatabaseUnavailable then.
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
        """Close the connection; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _gone(self, reason: str) -> None:
        self.close()
        if not self._is_away:
            self._is_away = True
            self._on_change(reason)
