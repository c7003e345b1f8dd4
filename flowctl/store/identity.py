"""Whether a database is the one that sends, or a copy of it (``identity.sql``).

``apply-schema`` writes down which database it is: the server, its timeline, the database, and
``message_logs`` in it. A copy has what its original wrote.
"""

from dataclasses import dataclass
from datetime import datetime

from flowctl.database import Connection
from flowctl.errors import InputError
from flowctl.store.fetching import fetch_rows, fetch_value

HINT = "if it is to send instead of the other: flowctl apply-schema --moved (docs/backup.md)"

_REASONS = {
    "unnamed": "apply-schema has not written down which one it is",
    "restored": "data of a dump was restored into it",
    "server": "its server is another (a restored dump, a move, pg_upgrade)",
    "database": "it was made from another database of this server",
    "timeline": "its server was promoted, or recovered from a backup",
    "table": "its tables were restored from a dump",
}


@dataclass(frozen=True, slots=True)
class LastKnown:
    """``sent_at``: the last send that is known, null for none; ``emails``: how many are due."""

    sent_at: datetime | None
    emails: int


def why_copy(connection: Connection) -> str | None:
    """Why this database is a copy, in words; null for the one that sends."""
    reason = fetch_value(connection, "why_copy")
    return None if reason is None else _REASONS[reason]


def require_original(connection: Connection) -> None:
    """Raise InputError for a copy, which must not send."""
    if reason := why_copy(connection):
        raise InputError(f"this database is a copy and does not send: {reason}", hint=HINT)


def last_known(connection: Connection) -> LastKnown:
    """Until when the database knows what was sent."""
    return fetch_rows(connection, "last_known", LastKnown)[0]
