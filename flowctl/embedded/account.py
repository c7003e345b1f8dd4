"""The operating-system user who runs the server.

PostgreSQL refuses to run as root. In a container flowctl often is root; there the server runs as
``postgres``, or else as ``nobody``.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_IXGRP, S_IXOTH, S_IXUSR

from flowctl.errors import InputError

if sys.platform != "win32":
    import pwd


@dataclass(frozen=True, slots=True)
class Account:
    """A user; ``is_other`` when it is not the one who runs this process."""

    name: str
    uid: int
    gid: int
    is_other: bool = False

    def own(self, path: Path) -> None:
        """Make the account the owner of a file or folder that this process has just created."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_reach(self, path: Path) -> bool:
        """Whether the account may pass through every folder above ``path``, as far as modes say."""
        return not self.is_other or self.obstacle(path) is None

    def obstacle(self, path: Path) -> Path | None:
        """The first folder above ``path`` that the account may not pass through."""
        for folder in [*reversed(path.parents), *reversed(path.resolve().parents)]:
            found = folder.stat()
            if found.st_uid == self.uid:
                needed = S_IXUSR
            elif found.st_gid == self.gid:
                needed = S_IXGRP
            else:
                needed = S_IXOTH
            if not found.st_mode & needed:
                return folder
        return None

    def spawn(
        self,
        arguments: Sequence[str | Path],
        *,
        environ: Mapping[str, str],
        stdin: int,
        output: int,
        keep: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a program as this account, in a session of its own, with ``/`` as its folder.

        ``output`` receives both stdout and stderr; ``keep`` are descriptors the program inherits.
        Of the environment it sees only what finding its libraries takes: none of our secrets.
        """
        seen = {
            k: environ[k] for k in ("PATH", "LD_LIBRARY_PATH", "PG_GRANDPARENT_PID") if k in environ
        }
        return subprocess.Popen(  # noqa: S603 - no shell, and the programs are PostgreSQL's
            [os.fspath(argument) for argument in arguments],
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={**seen, "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            pass_fds=tuple(keep),
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[self.gid] if self.is_other else None,
        )


def own_account() -> Account:
    """The user who runs this process.

    Raises InputError for a uid without a name (``docker run --user 12345``): neither initdb nor the
    server's peer authentication works for it.
    """
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise InputError(
            f"the embedded PostgreSQL cannot run for user id {uid}: it has no passwd entry",
            hint="set DATABASE_URL, or run flowctl as a user with a name",
        ) from None
    return Account(entry.pw_name, uid, entry.pw_gid)


def server_account(cluster: Path) -> Account:
    """Who runs the server of this cluster, made or not yet made."""
    own = own_account()
    if own.uid != 0:
        return own
    if cluster.exists():
        owner = cluster.stat()
        return Account(f"user id {owner.st_uid}", owner.st_uid, owner.st_gid, is_other=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, is_other=True)
    raise InputError(
        "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it",
        hint="set DATABASE_URL, run flowctl as another user, or add a user named postgres",
    )
