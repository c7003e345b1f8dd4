"""Making the cluster and its surroundings, and who may connect to it."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_IWOTH
from tempfile import mkdtemp

from flowctl.embedded.account import Account, own_account
from flowctl.embedded.binaries import Binaries
from flowctl.embedded.layout import Layout
from flowctl.errors import DatabaseUnavailable, InputError

DATABASE = "flowctl"
"""The name of the database, and of the database user."""

INIT_PREFIX = ".init-"


def prepare_folder(layout: Layout, account: Account) -> None:
    """Make the data folder if it is not there, and see that it is ours and the account gets in.

    Raises InputError when it belongs to somebody else, everybody may write to it, or the account
    that runs the server cannot reach it.
    """
    if not layout.root.exists():
        layout.root.mkdir(parents=True)
        # The account only passes through: what is in the folder has owners and modes of its own.
        layout.root.chmod(0o711 if account.is_other else 0o700)
    found = layout.root.stat()
    if found.st_uid != os.geteuid():
        raise InputError(
            f"the data folder {layout.root} belongs to another user",
            hint="run flowctl as that user, or name another folder in FLOWCTL_DATA_DIR",
        )
    if found.st_mode & S_IWOTH:
        raise InputError(
            f"every user may write to the data folder {layout.root}",
            hint=f"chmod o-w {layout.root}, or name another folder in FLOWCTL_DATA_DIR",
        )
    if account.is_other and (closed := account.obstacle(layout.cluster)):
        raise InputError(
            f"user {account.name}, who runs the server for root, may not pass through {closed}",
            hint="name a folder in FLOWCTL_DATA_DIR that every user can reach, "
            "such as /var/lib/flowctl",
        )


def prepare_socket_dir(folder: Path, account: Account) -> None:
    """Make the socket's folder, which nobody but the account may enter.

    Raises InputError when somebody else was there first: in ``/tmp`` its name can be guessed.
    """
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        account.own(folder)
    found = folder.lstat()
    if not S_ISDIR(found.st_mode) or found.st_uid != account.uid or S_IMODE(found.st_mode) & 0o077:
        raise InputError(
            f"{folder} is not a folder of user {account.name} alone",
            hint="remove it, or name another folder in FLOWCTL_DATA_DIR",
        )


def remove_socket_dir(layout: Layout, folder: Path) -> None:
    """Leave nothing in ``/tmp`` when the server is down; a folder that is not empty stays."""
    if folder.parent != layout.root:
        with suppress(OSError):
            folder.rmdir()


def make_cluster(
    layout: Layout,
    binaries: Binaries,
    account: Account,
    *,
    environ: Mapping[str, str],
    durable: bool,
) -> None:
    """Make the data directory with its database, or, when that fails, nothing.

    Raises DatabaseUnavailable with the last words of the program that failed.
    """
    started = Path(mkdtemp(prefix=INIT_PREFIX, dir=layout.root))
    try:
        account.own(started)
        locale = ["--encoding", "UTF8", "--locale", "C"]
        access = ["--username", DATABASE, "--auth", "reject"]
        syncing = [] if durable else ["--no-sync"]
        _run([binaries.initdb, "--pgdata", started, *locale, *access, *syncing], account, environ)
        settings = ["-c", "exit_on_error=on", "-c", "log_checkpoints=off"]
        settings += [] if durable else ["-c", "fsync=off"]
        statement = f"create database {DATABASE}\n".encode()
        arguments = ["--single", "-D", str(started), *settings, "postgres"]
        _run([binaries.postgres, *arguments], account, environ, statement)
        started.rename(layout.cluster)
        if durable:
            _sync_folder(layout.root)
    finally:
        shutil.rmtree(started, ignore_errors=True)


def remove_unfinished(layout: Layout) -> None:
    """Remove what processes left that were killed while they made a cluster."""
    for rubbish in layout.root.glob(f"{INIT_PREFIX}*"):
        # What an orphaned initdb still writes is left for the next time.
        shutil.rmtree(rubbish, ignore_errors=True)


def write_access_rules(layout: Layout) -> None:
    """Let in, over the socket, the user of this process and nobody else.

    Written at every start, since a user's name may change between images of a container. The
    files are outside the cluster: root must not write where another account could have put a link.
    """
    user = own_account().name
    rules = "local all all peer map=flowctl\nhost all all all reject\n"
    for path, text in (
        (layout.access_rules, rules),
        (layout.user_map, f'flowctl "{user}" {DATABASE}\n'),
    ):
        path.write_text(text, "utf-8")
        path.chmod(0o644)


def _run(
    arguments: Sequence[str | Path],
    account: Account,
    environ: Mapping[str, str],
    statement: bytes | None = None,
) -> None:
    """Run a program of PostgreSQL's to its end, with ``statement`` on its standard input."""
    stdin = subprocess.DEVNULL if statement is None else subprocess.PIPE
    with account.spawn(arguments, environ=environ, stdin=stdin, output=subprocess.PIPE) as process:
        try:
            output, _ = process.communicate(statement)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise DatabaseUnavailable(
            f"{Path(arguments[0]).name} could not make the embedded database "
            f"(exit status {process.returncode})",
            hint="see to what it says, or set DATABASE_URL",
            details=tuple(output.decode("utf-8", "replace").splitlines()[-5:]),
        )


def _sync_folder(folder: Path) -> None:
    """Make a rename inside the folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
