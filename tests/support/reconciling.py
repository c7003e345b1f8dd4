"""Runs of ``flowctl reconcile`` that meet each other, or die half-way."""

import signal
import subprocess
import sys
from collections.abc import Callable

from tests.support.cli import TIME_LIMIT, Environ, child_environ
from tests.support.locks import is_waited_for
from tests.support.postgres import Connection
from tests.support.returned import ENVIRON, a_sent_email, sample
from tests.support.waiting import until

ADDRESSES = [f"unknown{n}@example.net" for n in range(20)]


def bounces(conn: Connection) -> list[bytes]:
    """A bounce of a message to each of the addresses."""
    return [
        sample("exim-unknown.eml", a_sent_email(conn, address), address) for address in ADDRESSES
    ]


def started(database: str, *args: str, env: Environ | None = None) -> subprocess.Popen[bytes]:
    """A run of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "flowctl", "reconcile", *args],
        env=child_environ({**ENVIRON, "DATABASE_URL": database, **(env or {})}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def kill_half_way(conn: Connection, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    """Start a run, and kill it at its tenth mail, whose message it waits for."""
    with conn.transaction():
        lead = conn.execute(
            "select lead_id from message_logs where recipient = %s", (ADDRESSES[10],)
        ).fetchone()
        conn.execute("select from message_logs where lead_id = %s for update", lead)
        run = start()
        until(lambda: is_waited_for(conn))
        run.send_signal(signal.SIGKILL)
        run.communicate(timeout=TIME_LIMIT)


def check_each_was_taken_once(conn: Connection) -> None:
    """That every bounce suppressed its address, and is remembered once."""
    assert {row[0] for row in conn.execute("select address from suppressions").fetchall()} == set(
        ADDRESSES
    )
    assert conn.execute("select count(*) from flowctl.returned_mail").fetchone() == (20,)
    assert conn.execute(
        "select count(*) from message_logs where delivery_status = 'bounced'"
    ).fetchone() == (20,)
