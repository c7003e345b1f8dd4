"""The parts of distributed tables (``parts.sql``). The leads of a part, and all that belongs to
them, are on one node: there a statement for one machine is run over the part's own tables, in one
round trip and under locks, where over the nodes each of its steps would go to all of them. Tables
on one machine are one part, the whole."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from psycopg import ClientCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import RowFactory

from flowctl.database import Connection, query
from flowctl.model import Slot
from flowctl.store.fetching import fetch_rows
from flowctl.store.nodes import is_distributed


class _OfMessage(Protocol):
    @property
    def id(self) -> UUID: ...


_Item = TypeVar("_Item", bound=_OfMessage)
_Row = TypeVar("_Row")

_NAME = re.compile(rb"\b(?:public|flowctl)\.\w+")


@dataclass(frozen=True, slots=True)
class Part:
    """The part ``number`` (from 0) of ``count``. ``key``: the id of a lead that would be in it;
    ``names``: what stands there for a name, nothing where the part is the whole."""

    key: str
    names: dict[str, str]
    number: int
    count: int

    @property
    def is_whole(self) -> bool:
        """Whether the tables are on one machine, and nothing is distributed."""
        return not self.names

    def text(self, statement: bytes) -> bytes:
        """A statement over the tables of this part."""
        # twice: what stands for a view has names too
        return _NAME.sub(self._name, _NAME.sub(self._name, statement))

    def _name(self, found: re.Match[bytes]) -> bytes:
        name = found[0].decode()
        return self.names.get(name, name).encode()

    def run(
        self,
        connection: Connection,
        shape: str,
        statement: bytes,
        row_factory: RowFactory[_Row],
        **values: object,
    ) -> list[_Row]:
        """The rows of a statement over this part; ``shape`` names the query that knows the columns
        of what comes from another node."""
        cursor = connection.cursor(row_factory=row_factory)
        if self.is_whole:
            return cursor.execute(statement, values).fetchall()
        text = ClientCursor(connection).mogrify(self.text(statement), values)
        return cursor.execute(query(shape), {"key": self.key, "text": text}).fetchall()

    def is_of(self, slot: Slot | None) -> bool:
        """Whether a slot, or who has none, takes leads of it: the slots go round the parts."""
        if slot is None:
            return True
        return (slot.number - 1 - self.number) % min(slot.count, self.count) == 0

    def share(self, slot: Slot | None) -> Slot | None:
        """What the slot takes of it, as a slot of its own; null for all. Where slots are more than
        parts, those of one part divide it."""
        if slot is None or slot.count - self.number <= self.count:
            return None
        of_part = (slot.count - 1 - self.number) // self.count + 1
        return Slot((slot.number - 1) // self.count + 1, of_part)


_WHOLE = Part("", {}, 0, 1)

_known: WeakKeyDictionary[Connection, deque[Part]] = WeakKeyDictionary()


def is_free(connection: Connection) -> bool:
    """Whether parts of distributed tables may be written one by one: no transaction is open, which
    would be committed on each node by itself, where Citus only warns of one that failed to. A
    statement alone is committed when it says that it is done."""
    is_idle = connection.info.transaction_status is TransactionStatus.IDLE
    return connection.autocommit and is_idle and is_distributed(connection)


def parts_of(connection: Connection, slot: Slot | None) -> Iterator[tuple[Part, Slot | None]]:
    """Each part that the slot takes leads of, and its share there. The parts are asked for once on
    each connection, and who stops goes on with the next one."""
    if not is_distributed(connection):
        yield _WHOLE, slot
        return
    if connection not in _known:
        _known[connection] = deque(fetch_rows(connection, "parts", Part))
    every = _known[connection]
    for _ in range(len(every)):
        part = every[0]
        every.rotate(-1)
        if part.is_of(slot):
            yield part, part.share(slot)


def grouped(
    items: Iterable[_Item], places: Mapping[UUID, Part]
) -> list[tuple[Part | None, list[_Item]]]:
    """What belongs to messages by the part that these are in, null where that is not known."""
    found: dict[int | None, tuple[Part | None, list[_Item]]] = {}
    for item in items:
        part = places.get(item.id)
        number = None if part is None else part.number
        found.setdefault(number, (part, []))[1].append(item)
    return list(found.values())


def share_of(slot: Slot | None) -> dict[str, int | None]:
    """A slot as parameters of a query."""
    if slot is None:
        return {"slot": None, "slots": None}
    return {"slot": slot.number, "slots": slot.count}
