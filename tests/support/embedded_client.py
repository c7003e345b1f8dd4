"""A program that is a client of an embedded server: it attaches, does as told, and leaves.

Reads one JSON command a line from stdin (``{"sql": ...}`` or ``"ensure_running"``) and answers
each, and its own start, with one JSON line on stdout.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import psycopg

from flowctl.embedded import EmbeddedServer
from flowctl.errors import FlowctlError


def answer(**what: object) -> None:
    """Say something to the test."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def execute(conninfo: str, statement: str) -> list[Any]:
    """Run a statement on a connection of its own, as a flowctl command would."""
    with psycopg.connect(conninfo, autocommit=True, application_name="flowctl") as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def serve(server: EmbeddedServer, conninfo: str) -> None:
    """Answer commands until there are no more."""
    answer(conninfo=conninfo)
    for line in sys.stdin:
        command = json.loads(line)
        if command == "ensure_running":
            server.ensure_running()
            answer(rows=[])
        else:
            answer(rows=execute(conninfo, command["sql"]))


def become(uid: int, gid: int) -> None:
    """Give up being root; what Python still wants to import must be loaded by now."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main() -> int:
    """Attach, serve, leave."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--create", action="store_true")
    parser.add_argument("--become", nargs=2, type=int, metavar=("UID", "GID"))
    options = parser.parse_args()
    if options.become:
        become(*options.become)
    server = EmbeddedServer(options.data_dir, environ=os.environ)
    try:
        with server.attach(create=options.create) as conninfo:
            serve(server, conninfo)
    except FlowctlError as error:
        answer(error=type(error).__name__, message=error.message, hint=error.hint)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
