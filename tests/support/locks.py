"""Who waits for a lock, by what the server says."""

import os

from tests.support.distributed import TEST_CITUS_URL
from tests.support.postgres import Connection

_WAITS = (
    "select from pg_locks where not granted"
    " and transactionid = pg_current_xact_id_if_assigned()::xid"
)

_WAITS_ON_NODES = "select from citus_lock_waits where blocking_gpid = citus_backend_gpid()"


def is_waited_for(conn: Connection) -> bool:
    """Whether somebody waits for the end of this connection's transaction."""
    waits = _WAITS_ON_NODES if TEST_CITUS_URL in os.environ else _WAITS
    return bool(conn.execute(waits).fetchall())


def waits_for_a_guard(conn: Connection) -> bool:
    """Whether a dispatcher waits for another that decides about the same lead, address or limit."""
    rows = conn.execute(
        "select from pg_locks where locktype = 'advisory' and not granted "
        "and database = (select oid from pg_database where datname = current_database())"
    ).fetchall()
    return bool(rows)
