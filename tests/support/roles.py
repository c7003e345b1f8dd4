"""Roles with fewer rights than the owner's."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from psycopg import sql

from tests.support.postgres import Connection

_READS = """
grant usage on schema public, flowctl to {role};
grant select on all tables in schema public, flowctl to {role};
grant execute on all functions in schema flowctl to {role};
"""


@contextmanager
def reader(conn: Connection, url: str, *, bypasses_policies: bool = True) -> Iterator[str]:
    """The URL of the same database for a role that may read everything and write nothing."""
    name = f"reader_of_{conn.info.dbname}"
    role = sql.Identifier(name)
    kind = sql.SQL("bypassrls" if bypasses_policies else "nobypassrls")
    # a cluster's coordinator logs in on the nodes as the role that asks
    conn.execute(sql.SQL("create role {} login {}").format(role, kind))
    conn.execute(sql.SQL(_READS).format(role=role))
    try:
        yield as_role(url, name)
    finally:
        conn.execute(sql.SQL("drop owned by {}").format(role))
        conn.execute(sql.SQL("drop role {}").format(role))


def as_role(url: str, role: str) -> str:
    """The URL with which the owner takes another role for the whole connection."""
    return f"{url}&options={quote(f'-c role={role}')}"
