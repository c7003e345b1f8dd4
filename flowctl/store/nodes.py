"""Whether the tables of a database are distributed over several nodes, and the form of a statement
that suits them (``nodes.sql``).

A statement of what belongs to leads is run part by part, as it is (``parts``). One that goes over
all nodes may lock no row there: it loses the lines that lock some, or another stands beside it,
named for it.
"""

import re
from weakref import WeakKeyDictionary

from flowctl.database import Connection, query, query_names
from flowctl.store.fetching import fetch_value

_LOCK = re.compile(rb"^.*/[*] on one machine [*]/$", re.MULTILINE)

_OVER_NODES = "{}_over_nodes"

_known: WeakKeyDictionary[Connection, bool] = WeakKeyDictionary()


def is_distributed(connection: Connection) -> bool:
    """Whether statements on this connection go to several nodes; asked once for each."""
    if connection not in _known:
        _known[connection] = bool(fetch_value(connection, "is_distributed"))
    return _known[connection]


def text_of(connection: Connection, name: str) -> bytes:
    """A statement that goes over whole tables, in the form that suits them."""
    if not is_distributed(connection):
        return query(name)
    own = _OVER_NODES.format(name)
    return query(own) if own in query_names() else _LOCK.sub(b"", query(name))


def one_by_one(connection: Connection) -> None:
    """Have the transaction that has begun reach each node over one connection: it changes what is
    copied to every node, beside what is distributed. On one machine nothing is done."""
    if is_distributed(connection):
        connection.execute(query("one_by_one"))
