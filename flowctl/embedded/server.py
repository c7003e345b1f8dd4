"""The life cycle: the first client starts the server, all share it, the last one stops it.

The count of clients is a shared lock on a file, held for as long as a client is attached; one that
is killed drops out of the count by itself. Whoever leaves tries to take that lock alone: if it can,
it was the last, and a newcomer waits for it until the server is down.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flowctl.embedded.account import server_account
from flowctl.embedded.binaries import find_binaries, reachable_binaries
from flowctl.embedded.cluster import (
    DATABASE,
    make_cluster,
    prepare_folder,
    prepare_socket_dir,
    remove_socket_dir,
    remove_unfinished,
    write_access_rules,
)
from flowctl.embedded.deadline import Deadline
from flowctl.embedded.layout import Layout
from flowctl.embedded.locks import FileLock
from flowctl.embedded.postmaster import Postmaster
from flowctl.errors import DatabaseUnavailable, InputError

START_SECONDS = 120.0
"""How long a server may take until it accepts connections: after a crash it recovers first."""

STOP_SECONDS = 60.0
"""How long a server may take to write everything out and end."""

_FOREIGN_CLIENTS = """
    select exists (
        select from pg_stat_activity
        where backend_type = 'client backend'
          and pid <> pg_backend_pid()
          and application_name not like 'flowctl%'
    )
"""


class EmbeddedServer:
    """The embedded PostgreSQL of one data folder, as one process sees it.

    ``environ`` is where ``FLOWCTL_PG_BIN`` is looked up. ``durable=False`` turns fsync off, for
    tests only: the setting belongs to the process that happens to start the server.
    """

    def __init__(self, data_dir: Path, *, environ: Mapping[str, str], durable: bool = True) -> None:
        self.layout = Layout.of(data_dir)
        self._environ = environ
        self._durable = durable
        self._attached: list[Postmaster] = []

    def exists(self) -> bool:
        """Whether a cluster was made in the folder; looks only, and starts nothing."""
        with self._own_words():
            return self.layout.cluster.exists()

    @contextmanager
    def attach(self, *, create: bool) -> Iterator[str]:
        """Use the server inside the block: started if need be, stopped if this was the last client.

        Yields a connection string for libpq, with user and database ``flowctl``. A client whose
        ``application_name`` does not begin with ``flowctl`` (a person in psql) is not cut off: the
        server stays, and the next one to leave stops it.

        Raises InputError when there is no cluster and ``create`` is off, when PostgreSQL is not
        installed, or the folder or the user cannot be used; DatabaseUnavailable when the server
        cannot be started.
        """
        if sys.platform == "win32":
            raise InputError(
                "there is no embedded PostgreSQL on Windows",
                hint="set DATABASE_URL, or run flowctl in WSL",
            )
        if not create and not self.exists():
            raise InputError(
                f"no database is configured, and there is no embedded one in {self.layout.root}",
                hint="set DATABASE_URL, or make an embedded database with `flowctl demo` "
                "or `flowctl apply-schema`",
            )
        with self._own_words():
            account = server_account(self.layout.cluster)
            prepare_folder(self.layout, account)
            postmaster = Postmaster(self.layout, account)
            clients = FileLock(self.layout.clients_lock)
        with clients:
            clients.share()
            self._attached.append(postmaster)
            try:
                self._start_if_needed(postmaster, create=create)
                yield postmaster.conninfo(DATABASE)
            finally:
                self._attached.remove(postmaster)
                self._leave(postmaster, clients)

    def ensure_running(self) -> None:
        """Start the server again if it is down: for a client that is attached and lost it.

        Raises DatabaseUnavailable when it cannot be started, and RuntimeError outside of
        :meth:`attach`.
        """
        if not self._attached:
            raise RuntimeError("ensure_running() outside of attach()")
        self._start_if_needed(self._attached[-1], create=False)

    def _start_if_needed(self, postmaster: Postmaster, *, create: bool) -> None:
        """Return when the server accepts connections; make and start it where that takes it."""
        with self._own_words(), FileLock(self.layout.start_lock) as alone:
            alone.take()
            deadline = Deadline(START_SECONDS)
            log_begin: int | None = None
            while not postmaster.accepts():
                with FileLock(self.layout.server_lock) as lock:
                    # Held by a server that is starting, stopping, or dying from a SIGKILL.
                    if lock.try_take():
                        if log_begin is not None:
                            postmaster.reap()
                            raise self._failure(postmaster, log_begin)
                        log_begin = self._start(postmaster, lock, create=create)
                if not deadline.pause():
                    raise DatabaseUnavailable(
                        f"the embedded PostgreSQL in {self.layout.root} is not ready "
                        f"after {START_SECONDS:.0f} s",
                        hint=f"it may still be recovering: try again, or read {self.layout.log}",
                    )

    def _start(self, postmaster: Postmaster, lock: FileLock, *, create: bool) -> int:
        """Start the server that is known to be down; return where its words in the log begin."""
        if pid := postmaster.process():
            raise DatabaseUnavailable(
                "a PostgreSQL that flowctl did not start "
                f"uses {self.layout.cluster} (process {pid})",
                hint=f"stop it: kill -INT {pid}",
            )
        postmaster.reap()
        account = postmaster.account
        binaries = reachable_binaries(find_binaries(self._environ), account, self.layout.root)
        remove_unfinished(self.layout)
        if create and not self.layout.cluster.exists():
            make_cluster(
                self.layout, binaries, account, environ=self._environ, durable=self._durable
            )
        prepare_socket_dir(postmaster.socket_dir, account)
        write_access_rules(self.layout)
        return postmaster.start(binaries, lock, environ=self._environ, durable=self._durable)

    def _failure(self, postmaster: Postmaster, log_begin: int) -> DatabaseUnavailable:
        """Why the server that was just started is gone."""
        made_by = (self.layout.cluster / "PG_VERSION").read_text("ascii").strip()
        runs = find_binaries(self._environ).major()
        if made_by != runs:
            return DatabaseUnavailable(
                f"the embedded database in {self.layout.root} was made by PostgreSQL {made_by}, "
                f"and this is PostgreSQL {runs}",
                hint=f"name the programs of PostgreSQL {made_by} in FLOWCTL_PG_BIN to use it or to "
                "dump it with their pg_dump; another major version needs dump and restore",
            )
        return DatabaseUnavailable(
            f"the embedded PostgreSQL in {self.layout.root} does not start",
            hint=f"see {self.layout.log}",
            details=postmaster.log_since(log_begin),
        )

    def _leave(self, postmaster: Postmaster, clients: FileLock) -> None:
        """Stop the server if nobody else uses it. One that is still recovering is left to it."""
        with self._own_words():
            if not clients.try_take() or not postmaster.accepts():
                return
            if has_foreign_clients(postmaster.conninfo(DATABASE)):
                return
            pid = postmaster.process()
            if pid is None:  # it was started in another container, from which it can be stopped
                return
            postmaster.interrupt(pid)
            deadline = Deadline(STOP_SECONDS)
            while deadline.pause():
                with FileLock(self.layout.server_lock) as lock:
                    if lock.try_take() and postmaster.process() is None:
                        postmaster.reap()
                        remove_socket_dir(self.layout, postmaster.socket_dir)
                        return

    @contextmanager
    def _own_words(self) -> Iterator[None]:
        """Inside the block, what the operating system refuses becomes an error of ours."""
        try:
            yield
        except OSError as error:
            raise DatabaseUnavailable(
                f"cannot use the data folder {self.layout.root}: {error.strerror or error}",
                hint="name another folder in FLOWCTL_DATA_DIR, or set DATABASE_URL",
                details=(f"the file was {error.filename}",) if error.filename else (),
            ) from error


def has_foreign_clients(conninfo: str) -> bool:
    """Whether somebody other than flowctl is connected to any database of the server.

    A flowctl process that has left or was killed may still be listed; it is known by its
    application name. A server that takes no connection has nobody to lose.
    """
    import psycopg  # takes 0.2 s, and whoever attaches has most likely loaded it by now

    try:
        with psycopg.connect(
            conninfo, application_name="flowctl", autocommit=True, connect_timeout=5
        ) as connection:
            row = connection.execute(_FOREIGN_CLIENTS).fetchone()
    except psycopg.OperationalError:
        return False
    return bool(row and row[0])
