"""Whether the tables of a database are distributed over several nodes, and which form of a
statement suits them (``slots.sql``)."""

import re
from weakref import WeakKeyDictionary

from flowctl.database import Connection, query
from flowctl.store.fetching import fetch_value

_SHARES = {
    "choose_due": "choose_share",
    "begin_plain": "begin_share",
    "begin_sends": "begin_share",
    "renew_leases": "renew_share",
    "is_due": "is_share_due",
    "lock_messages": "touch_messages",
    "lock_pending_of_flow": "touch_pending_of_flow",
    "due_by_channel": "due_of_shares",
    "count_paused": "count_shares_paused",
}
"""The statements that lock rows, name their places or look into each step, and those that do
without."""

_OF_ITS_LEAD = b"/* of its lead */", b"and message.lead_id = free.lead_id"

_ON_ONE_MACHINE = re.compile(rb"^.*/[*] on one machine [*]/$", re.MULTILINE)
"""A line of a statement that locks rows: no lock skips what is locked over several nodes."""

_known: WeakKeyDictionary[Connection, bool] = WeakKeyDictionary()


def is_distributed(connection: Connection) -> bool:
    """Whether statements on this connection go to several nodes; asked once for each."""
    if connection not in _known:
        _known[connection] = bool(fetch_value(connection, "is_distributed"))
    return _known[connection]


def form_of(connection: Connection, name: str, *, has_slot: bool = False) -> str | bytes:
    """A statement in the form that suits the tables, as its name or its text. With a slot nothing
    is locked either."""
    if is_distributed(connection):
        text = query(_SHARES.get(name, name)).replace(*_OF_ITS_LEAD)
        return _ON_ONE_MACHINE.sub(b"", text)
    return _SHARES[name] if has_slot else name


def text_of(connection: Connection, name: str, *, has_slot: bool = False) -> bytes:
    """As :func:`form_of`, the text."""
    form = form_of(connection, name, has_slot=has_slot)
    return query(form) if isinstance(form, str) else form


def one_by_one(connection: Connection) -> None:
    """Have the transaction that has begun reach each node over one connection: it changes what is
    copied to every node, beside what is distributed. On one machine nothing is done."""
    if is_distributed(connection):
        connection.execute(query("one_by_one"))
