"""Commands forked from a process that has the program loaded: most of their time is loading it.

``python -m tests.support.forked SOCKET`` is that process; it ends when its stdin does.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

import flowctl

ROOT = Path(__file__).resolve().parents[2]

KEPT = ("DATABASE_URL", "EMAIL_", "FLOWCTL_", "MAILBOX_", "PG", "PYTEST_", "SMTP_", "TWILIO_")
"""How the variables begin that nothing reads while it is loaded."""


class Forks:
    """The process that has the program loaded, and the commands that it is asked for."""

    def __init__(self, time_limit: float) -> None:
        """``time_limit``: seconds, after which a command is killed."""
        self._time_limit = time_limit
        self._folder = tempfile.TemporaryDirectory(prefix="fc-")
        self._address = str(Path(self._folder.name) / "s")
        self._environ = dict(os.environ)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, self._address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def can_run(self, env: Mapping[str, str]) -> bool:
        """Whether only variables that :data:`KEPT` names differ from those it was loaded with."""
        return all(
            name.startswith(KEPT) or env.get(name) == self._environ.get(name)
            for name in env.keys() | self._environ.keys()
        )

    def run(
        self, args: Sequence[str], *, env: Mapping[str, str], stdin: str, cwd: Path | None
    ) -> tuple[int, str, str]:
        """Run a command to its end: exit code, stdout and stderr."""
        request = json.dumps({"args": args, "env": dict(env), "cwd": str(cwd or Path.cwd())})
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as given,
            tempfile.TemporaryFile("w+", encoding="utf-8") as output,
            tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
            socket.socket(socket.AF_UNIX) as asking,
        ):
            given.write(stdin)
            given.seek(0)
            asking.settimeout(self._time_limit)
            asking.connect(self._address)
            files = [file.fileno() for file in (given, output, errors)]
            socket.send_fds(asking, [len(request).to_bytes(4)], files)
            asking.sendall(request.encode("ascii"))
            with asking.makefile("r") as answers:
                pid = int(answers.readline())
                try:
                    status = int(answers.readline())
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise
            for file in (output, errors):
                file.seek(0)
            return os.waitstatus_to_exitcode(status), output.read(), errors.read()

    def close(self) -> None:
        """End the process, which then has the CPU time of all its commands."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


def _load() -> None:
    """Import all of the program but what runs it, and what Typer imports when it reads options."""
    for module in pkgutil.walk_packages(flowctl.__path__, "flowctl."):
        if module.name != "flowctl.__main__":
            importlib.import_module(module.name)
    app = typer.Typer()
    app.command()(_nothing)
    app([], standalone_mode=False)
    gc.freeze()


def _nothing(*, option: bool = False) -> None:
    """A command."""


def _serve(address: str) -> list[str]:
    """Fork a command for each request; returns its arguments, in the process that is to run it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        os.write(1, b"ready\n")
        running = 0
        while True:
            ready, _, _ = select.select([listener.fileno(), 0], [], [])
            is_over = 0 in ready
            while running and os.waitpid(-1, 0 if is_over else os.WNOHANG)[0]:
                running -= 1
            if is_over:
                sys.exit()
            asked, _ = listener.accept()
            if os.fork() == 0:
                break
            asked.close()
            running += 1
    return _commanded(asked)


def _commanded(asked: socket.socket) -> list[str]:
    """Become the command that is asked for, watched by a process that says how it ended."""
    head, files, _, _ = socket.recv_fds(asked, 4, 3)
    with asked.makefile("rb") as text:
        request = json.loads(text.read(int.from_bytes(head)))
    if pid := os.fork():
        asked.sendall(b"%d\n" % pid)
        asked.sendall(b"%d\n" % os.waitpid(pid, 0)[1])
        os._exit(0)
    asked.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    args: list[str] = request["args"]
    return args


if __name__ == "__main__":
    _load()
    sys.argv[1:] = _serve(sys.argv[1])
    runpy.run_module("flowctl", run_name="__main__", alter_sys=True)
