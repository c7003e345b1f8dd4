"""One server process: start it, ask whether it accepts, stop it.

The postmaster is run directly, without ``pg_ctl``: that takes 25 ms instead of 200, and no path has
to survive a shell's quoting. It inherits a lock file, which is free again when its last process has
ended; the pid file it writes only tells which process to signal.
"""

import os
import signal
import socket
import struct
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from flowctl.embedded.account import Account
from flowctl.embedded.binaries import Binaries
from flowctl.embedded.layout import SOCKET_FILE, Layout
from flowctl.embedded.locks import FileLock

LARGEST_LOG = 1_000_000
"""Bytes; a longer log becomes ``pg.log.1`` at the next start."""

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""The shortest question a server answers, with one byte (PostgreSQL manual, "Message Formats")."""

_ANSWER_SECONDS = 1.0

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "max_logical_replication_workers": "0",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class PidFile:
    """What a postmaster says of itself; ``status`` is ``starting``, ``ready`` or ``stopping``."""

    pid: int
    status: str


class Postmaster:
    """The server of one cluster, whoever started it."""

    def __init__(self, layout: Layout, account: Account) -> None:
        self._layout = layout
        self.account = account
        self._child: int | None = None
        self.socket_dir = layout.socket_dir(account.uid)

    def conninfo(self, name: str) -> str:
        """The connection string of the database and user of that name, for libpq."""
        folder = os.fspath(self.socket_dir).replace("\\", "\\\\").replace("'", "\\'")
        return f"host='{folder}' port=5432 dbname={name} user={name}"

    def pid_file(self) -> PidFile | None:
        """The pid file's contents; null when there is none or it makes no sense."""
        try:
            lines = self._layout.pid_file.read_text("utf-8", "replace").splitlines()
            # Documented in PostgreSQL's pidfile.h; the status line comes last.
            return PidFile(int(lines[0]), lines[7].strip() if lines[7:] else "")
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def accepts(self) -> bool:
        """Whether the server is up and takes connections now."""
        found = self.pid_file()
        if found is None or found.status != "ready":
            return False
        # To connect is not enough: the socket of a postmaster that was just killed takes us still.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_ANSWER_SECONDS)
            try:
                probe.connect(os.fspath(self.socket_dir / SOCKET_FILE))
                probe.sendall(_SSL_REQUEST)
                return probe.recv(1) != b""
            except (FileNotFoundError, ConnectionError, TimeoutError):
                return False

    def process(self) -> int | None:
        """The postmaster's pid, if the process that the pid file names really is the postmaster.

        After a crash the number may belong to any other process, and in another container's pid
        namespace to none that can be seen.
        """
        found = self.pid_file()
        if found is None or not _runs_postgres_in(self._layout.cluster, found.pid):
            return None
        return found.pid

    def start(
        self, binaries: Binaries, lock: FileLock, *, environ: Mapping[str, str], durable: bool
    ) -> int:
        """Start the server, handing it ``lock``, and return where in the log it begins to speak.

        Call it only while ``lock`` (the server lock) is taken and no postmaster is alive. It
        returns before the server accepts connections.
        """
        environ = dict(environ)
        if stale := self.pid_file():
            # PostgreSQL does not start while the pid in a left-over file is alive, whatever process
            # that is now, unless it is told that the number belongs to an ancestor of its own.
            environ["PG_GRANDPARENT_PID"] = str(stale.pid)
        else:
            self._layout.pid_file.unlink(missing_ok=True)
        (self.socket_dir / f"{SOCKET_FILE}.lock").unlink(missing_ok=True)
        settings = {
            **_SETTINGS,
            **({} if durable else _NOT_DURABLE),
            "unix_socket_directories": '"' + os.fspath(self.socket_dir).replace('"', '""') + '"',
            "hba_file": os.fspath(self._layout.access_rules),
            "ident_file": os.fspath(self._layout.user_map),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._open_log() as log:
            begin = log.seek(0, os.SEEK_END)
            process = self.account.spawn(
                [binaries.postgres, "-D", self._layout.cluster, *options],
                environ=environ,
                stdin=subprocess.DEVNULL,
                output=log.fileno(),
                keep=[lock.fileno()],
            )
        # The server may outlive this process on purpose: tell Popen that nobody waits for it.
        process.returncode = 0
        self._child = process.pid
        return begin

    def interrupt(self, pid: int) -> None:
        """Ask for a fast shutdown: clients are disconnected, everything is written out."""
        os.kill(pid, signal.SIGINT)

    def log_since(self, begin: int) -> tuple[str, ...]:
        """The last lines the server wrote to its log after position ``begin``."""
        with self._layout.log.open("rb") as log:
            log.seek(begin)
            return tuple(log.read().decode("utf-8", "replace").splitlines()[-5:])

    def reap(self) -> None:
        """Collect the exit status of a server that this process started; it must have ended."""
        if self._child is None:
            return
        with suppress(ChildProcessError):
            os.waitpid(self._child, 0)
        self._child = None

    def _open_log(self) -> BinaryIO:
        log = self._layout.log
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            log.rename(log.with_name(f"{log.name}.1"))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        return os.fdopen(os.open(log, flags, 0o600), "ab")


def _runs_postgres_in(cluster: Path, pid: int) -> bool:
    """Whether the process is a postmaster whose data directory this is."""
    process = Path("/proc") / str(pid)
    if not Path("/proc/self/cmdline").exists():
        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - no shell
        return f"postgres -D {cluster} " in output
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        folder = (process / "cwd").readlink()
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return False
    # A zombie has no arguments; the server's other processes write their role into the first one.
    program = Path(os.fsdecode(arguments[0])).name
    return program in {"postgres", "postmaster"} and folder == cluster
