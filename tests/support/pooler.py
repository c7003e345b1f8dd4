"""A real PgBouncer in transaction mode, before the test server."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.support.postgres import Postgres, postmaster_of
from tests.support.waiting import until

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""The program, where it is installed; CI installs it."""

SERVER_CONNECTIONS = 2


@contextmanager
def pooler(postgres: Postgres, folder: Path) -> Iterator[Path]:
    """A pooler with two server connections for each database; yields the folder of its socket.

    It never runs as root: there it runs as the server's account, which the server's user map lets
    in while the block runs.
    """
    assert PGBOUNCER is not None
    layout = postgres.server.layout
    server = postmaster_of(layout.root)
    account = server.account
    folder.mkdir()
    account.own(folder)
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"""[databases]
* = host={server.socket_dir} port=5432 user=flowctl
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
ignore_startup_parameters =
admin_users = flowctl
logfile = {folder / "log"}
""",
        "utf-8",
    )
    user = pwd.getpwuid(account.uid).pw_name
    before = layout.user_map.read_text("utf-8")
    layout.user_map.write_text(f"{before}\nflowctl {user} flowctl\n", "utf-8")
    postmaster = server.process()
    assert postmaster is not None
    os.kill(postmaster, signal.SIGHUP)
    process = subprocess.Popen(
        [PGBOUNCER, "-q", config],
        cwd="/",
        user=account.uid if account.is_other else None,
        group=account.gid if account.is_other else None,
    )
    try:
        until(lambda: _answers(url_through(folder, postgres.url("postgres"))))
        yield folder
    finally:
        process.kill()
        process.wait()
        layout.user_map.write_text(before, "utf-8")
        os.kill(postmaster, signal.SIGHUP)


def url_through(pooled: Path, url: str) -> str:
    """The same database through the pooler."""
    return f"postgresql://flowctl@/{name_in(url)}?host={quote(str(pooled), safe='')}&port=6432"


def name_in(url: str) -> str:
    """The database that a URL of the tests names."""
    return url.partition("@/")[2].partition("?")[0]


def _answers(url: str) -> bool:
    """Whether the pooler runs, and the server has read its user map anew."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
