"""Statements that are sent together: one transaction, one round trip (PostgreSQL, section 34.5).

By libpq's own functions: psycopg's pipelines take longer than all else that a turn of a dispatcher
does for its statements, and run nothing while the server is at them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from select import POLLIN, POLLOUT, poll
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from flowctl.database import Connection
from flowctl.store.fetching import numbered

_Types = tuple[int, ...]

_prepared: WeakKeyDictionary[Connection, dict[tuple[str, _Types], bytes]] = WeakKeyDictionary()
"""What a connection has prepared, by the statement's name and the types of its values. Nothing is
prepared by psycopg, which after a ROLLBACK would have the server forget all of it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A named query with its values; ``row`` makes of a row's values what is wanted of it."""

    name: str
    values: Mapping[str, object]
    row: Callable[[Sequence[Any]], Any] = tuple


def run_together(
    connection: Connection,
    statements: Sequence[Statement],
    meanwhile: Callable[[], None] = lambda: None,
) -> list[list[Any]]:
    """The rows of each statement; all of them are done, or none.

    ``meanwhile`` is called while the server is at it. What is run again and again is planned once,
    where the connection allows it. Raises psycopg's errors.
    """
    with nullcontext() if connection.autocommit else connection.transaction():
        try:
            return _Exchange(connection).run(statements, meanwhile)
        except BaseException:
            if connection.pgconn.pipeline_status:
                connection.close()  # nobody can tell what is still to come over it
            raise


class _Exchange:
    """One round trip over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pgconn: PGconn = connection.pgconn
        self._transformer = Transformer(connection)
        self._known = _prepared.setdefault(connection, {})
        self._poll = poll()
        # what each answer is to: a statement, or the key and the name of one that is prepared
        self._asked: list[Statement | tuple[tuple[str, _Types], bytes]] = []

    def run(
        self, statements: Sequence[Statement], meanwhile: Callable[[], None]
    ) -> list[list[Any]]:
        self._pgconn.enter_pipeline_mode()
        for statement in statements:
            self._send(statement)
        self._pgconn.pipeline_sync()
        while self._pgconn.flush():
            self._wait(POLLIN | POLLOUT)
        try:
            meanwhile()
        finally:
            answers = list(self._answers())
            self._pgconn.exit_pipeline_mode()
        return self._rows(answers)

    def _send(self, statement: Statement) -> None:
        text, names = numbered(statement.name)
        transformer = self._transformer
        values = [statement.values[name] for name in names]
        given = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        types, formats = transformer.types or (), transformer.formats
        if self._connection.prepare_threshold is None:
            self._pgconn.send_query_params(text, given, types, formats)
        else:
            key = statement.name, types
            prepared = self._known.get(key)
            if prepared is None:
                prepared = f"flowctl_{statement.name}_{len(self._known)}".encode()
                self._pgconn.send_prepare(prepared, text, types)
                self._asked.append((key, prepared))
            self._pgconn.send_query_prepared(prepared, given, formats)
        self._asked.append(statement)

    def _answers(self) -> Iterator[PGresult]:
        """What comes back, as far as the end of the transaction."""
        while True:
            while self._pgconn.is_busy():
                self._wait(POLLIN)
            answer = self._pgconn.get_result()
            if answer is not None:
                if answer.status == ExecStatus.PIPELINE_SYNC:
                    return
                yield answer
            if self._pgconn.status == ConnStatus.BAD:
                raise psycopg.OperationalError(self._pgconn.get_error_message())

    def _wait(self, events: int) -> None:
        self._poll.register(self._pgconn.socket, events)
        self._poll.poll()
        self._pgconn.consume_input()

    def _rows(self, answers: Sequence[PGresult]) -> list[list[Any]]:
        rows: list[list[Any]] = []
        failure: psycopg.Error | None = None
        for asked, answer in zip(self._asked, answers, strict=False):
            if answer.status == ExecStatus.FATAL_ERROR:
                failure = failure or error_from_result(answer, self._connection.info.encoding)
            elif answer.status == ExecStatus.PIPELINE_ABORTED:
                """It was not run: an earlier one failed."""
            elif isinstance(asked, Statement):
                self._transformer.set_pgresult(answer)
                rows.append(self._transformer.load_rows(0, answer.ntuples, asked.row))
            else:
                key, name = asked
                self._known[key] = name
        if failure is not None:
            raise failure
        return rows
