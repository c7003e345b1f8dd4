"""Who waits for a lock, by what the server says."""

from tests.support.postgres import Connection


def is_waited_for(conn: Connection) -> bool:
    """Whether somebody waits for the end of this connection's transaction."""
    rows = conn.execute(
        "select from pg_locks where not granted"
        " and transactionid = pg_current_xact_id_if_assigned()::xid"
    ).fetchall()
    return bool(rows)


def waits_for_a_guard(conn: Connection) -> bool:
    """Whether a dispatcher waits for another that decides about the same lead, address or limit."""
    rows = conn.execute(
        "select from pg_locks where locktype = 'advisory' and not granted "
        "and database = (select oid from pg_database where datname = current_database())"
    ).fetchall()
    return bool(rows)
