"""``flowctl reconcile -`` as a mail server's alias, run with what the server gives it.

The server runs as a user who can neither read this checkout nor reach the test's database. So its
command is a shell script that passes on its environment and its input, and ends with the exit
status that the program had with them.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from tests.support.cli import TIME_LIMIT, Ran

_SCRIPT = """\
( env -0; printf '\\0\\0'; cat ) >{folder}/asked
read -r status <{folder}/answered
exit "$status"
"""
_STOP = b"stop"


class Alias:
    """The command of an alias, which runs the program; a context manager that ends it.

    ``settings`` become the file of ``--env-file``; they may be changed while it runs. ``runs`` are
    what the program left, each time.
    """

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.settings = settings
        self.runs: list[Ran] = []
        self._folder = folder
        folder.mkdir()
        folder.chmod(0o711)
        for name in ("asked", "answered"):
            os.mkfifo(folder / name)
            (folder / name).chmod(0o666)
        (folder / "script").write_text(_SCRIPT.format(folder=folder), "utf-8")
        (folder / "script").chmod(0o755)
        self._thread = threading.Thread(target=self._serve)

    @property
    def command(self) -> str:
        """What the server is to run."""
        return f"/bin/sh {self._folder / 'script'}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        (self._folder / "asked").write_bytes(_STOP)
        self._thread.join()

    def _serve(self) -> None:
        while (asked := (self._folder / "asked").read_bytes()) != _STOP:
            environment, _, mail = asked.partition(b"\0\0\0")
            pairs = [one.partition(b"=") for one in environment.split(b"\0")]
            self.runs.append(self._ran({name: value for name, _, value in pairs}, mail))
            status = self.runs[-1].exit_code
            (self._folder / "answered").write_text(f"{status}\n", "utf-8")

    def _ran(self, environ: dict[bytes, bytes], mail: bytes) -> Ran:
        env_file = self._folder / "settings"
        lines = [f"{name}={value}\n" for name, value in self.settings.items()]
        env_file.write_text("".join(lines), "utf-8")
        env_file.chmod(0o600)
        done = subprocess.run(
            [sys.executable, "-m", "flowctl", "--env-file", str(env_file), "reconcile", "-"],
            input=mail,
            env=environ,
            capture_output=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
