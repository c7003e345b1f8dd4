"""Whether the tables of a database are distributed over several nodes, and which form of a
statement suits them (``slots.sql``)."""

import re
from weakref import WeakKeyDictionary

from flowctl.database import Connection, query
from flowctl.store.fetching import fetch_value

_SHARES = {
    "renew_leases": "renew_share",
    "lock_messages": "touch_messages",
    "lock_pending_of_flow": "touch_pending_of_flow",
    "due_by_channel": "due_of_shares",
    "count_paused": "count_shares_paused",
}
"""The statements that lock rows or look into each step, and those that do without."""

_ON_ONE_MACHINE = re.compile(rb"^.*/[*] on one machine [*]/$", re.MULTILINE)
"""A line of a statement that locks rows: no lock skips what is locked over several nodes."""

_known: WeakKeyDictionary[Connection, bool] = WeakKeyDictionary()


def is_distributed(connection: Connection) -> bool:
    """Whether statements on this connection go to several nodes; asked once for each."""
    if connection not in _known:
        _known[connection] = bool(fetch_value(connection, "is_distributed"))
    return _known[connection]


def form_of(connection: Connection, name: str) -> str | bytes:
    """A statement in the form that suits the tables, as its name or its text."""
    if is_distributed(connection):
        return _ON_ONE_MACHINE.sub(b"", query(_SHARES.get(name, name)))
    return name


def text_of(connection: Connection, name: str) -> bytes:
    """As :func:`form_of`, the text."""
    form = form_of(connection, name)
    return query(form) if isinstance(form, str) else form


def one_by_one(connection: Connection) -> None:
    """Have the transaction that has begun reach each node over one connection: it changes what is
    copied to every node, beside what is distributed. On one machine nothing is done."""
    if is_distributed(connection):
        connection.execute(query("one_by_one"))
