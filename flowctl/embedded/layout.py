"""The paths inside a data folder. They are the same for every process that names the folder."""

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOCKET_FILE = ".s.PGSQL.5432"

LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107
"""Bytes that fit into ``sockaddr_un.sun_path`` beside its final zero."""


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """The data folder this environment asks for, else the user's own.

    ``FLOWCTL_DATA_DIR``; else for root ``/var/lib/flowctl``, on macOS
    ``~/Library/Application Support/flowctl``, elsewhere ``~/.local/share/flowctl``.
    ``XDG_DATA_HOME`` is skipped: a login shell sets it and cron does not, and a job would
    find another, empty database.
    """
    if named := environ.get("FLOWCTL_DATA_DIR"):
        return Path(named).expanduser()
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/flowctl")
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "flowctl"
    return home / ".local" / "share" / "flowctl"


@dataclass(frozen=True, slots=True)
class Layout:
    """What lies where below ``root``, an absolute path without symbolic links."""

    root: Path

    @classmethod
    def of(cls, data_dir: Path) -> "Layout":
        """The layout of a folder, which need not exist yet."""
        return cls(data_dir.resolve())

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory. It is there only when it is complete."""
        return self.root / "pg"

    @property
    def pid_file(self) -> Path:
        """What the postmaster writes about itself."""
        return self.cluster / "postmaster.pid"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.root / "pg.log"

    @property
    def access_rules(self) -> Path:
        """The server's ``hba_file``."""
        return self.root / "pg_hba.conf"

    @property
    def user_map(self) -> Path:
        """The server's ``ident_file``."""
        return self.root / "pg_ident.conf"

    @property
    def clients_lock(self) -> Path:
        """Shared by every flowctl process that uses the server; taken by the one that stops it."""
        return self.root / "clients.lock"

    @property
    def start_lock(self) -> Path:
        """Taken while one process looks whether the server runs, makes the cluster or starts it."""
        return self.root / "start.lock"

    @property
    def server_lock(self) -> Path:
        """Taken by the server: free as soon as its last process has ended, however it ended."""
        return self.root / "server.lock"

    def socket_dir(self, uid: int) -> Path:
        """The folder of the server's socket; ``uid`` is the user who runs the server.

        Below ``root``, unless the socket's path would be too long for the operating system, or has
        a comma, after which libpq reads another host.
        """
        below = self.root / "run"
        path = os.fsencode(below / SOCKET_FILE)
        if len(path) <= LONGEST_SOCKET_PATH and b"," not in path:
            return below
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(f"/tmp/flowctl-{uid}-{digest}")  # noqa: S108 - its owner is checked
