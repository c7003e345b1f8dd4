"""Whether a pooler stands between the program and the server, and what a connection keeps where
none does.

A pooler gives a client another server connection with each transaction, and makes up the process id
that it tells the client (the key of PostgreSQL's cancel request, section 54.2.7).
"""

from typing import Any

from psycopg import Connection


def has_own_server(connection: Connection[Any]) -> bool:
    """Whether one server process is this connection's alone for as long as it is open."""
    row = connection.execute("select pg_backend_pid()").fetchone()
    return row == (connection.info.backend_pid,)


def compile_nothing(connection: Connection[Any]) -> None:
    """Have no plan compiled where one server process is this connection's alone.

    PostgreSQL compiles a plan that looks dear to it, anew each time (section 32.1): seconds for a
    claim that reads a few hundred rows by an index.
    """
    connection.execute(
        "select set_config('jit', 'off', false) where pg_backend_pid() = %s",
        [connection.info.backend_pid],
    )
