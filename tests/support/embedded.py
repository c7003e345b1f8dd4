"""Clients of an embedded server as processes of their own, which a test can kill."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support import embedded_client
from tests.support.postgres import postmaster_of
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]


class Client:
    """A running client; as a block it leaves at the end, unless it was killed before."""

    def __init__(
        self,
        data_dir: Path,
        *,
        create: bool = False,
        become: tuple[int, int] | None = None,
        env: Mapping[str, str] | None = None,
        through: Sequence[str] = (),
    ) -> None:
        """``through`` is a command that runs the client, such as ``unshare`` with its options."""
        options = ["--create"] if create else []
        options += ["--become", *map(str, become)] if become else []
        self.process = subprocess.Popen(
            [*through, sys.executable, "-m", embedded_client.__name__, str(data_dir), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
        )

    def answer(self) -> dict[str, Any]:
        """The next thing the client says; the first comes when it is attached or has failed."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the client ended without a word"
        said: dict[str, Any] = json.loads(line)
        return said

    def conninfo(self) -> str:
        """Wait until the client is attached, and return where to."""
        said = self.answer()
        assert "conninfo" in said, said
        return str(said["conninfo"])

    def tell(self, command: object) -> list[list[Any]]:
        """Have the client do something, and return the rows it got."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        rows: list[list[Any]] = self.answer()["rows"]
        return rows

    def sql(self, statement: str) -> list[list[Any]]:
        """Have the client run a statement on a new connection."""
        return self.tell({"sql": statement})

    def leave(self) -> int:
        """Let the client leave and end; its exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait()

    def kill(self) -> None:
        """End the client with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self.process:
            if kind is not None:
                self.process.kill()


def kill_postmaster(data_dir: Path) -> int:
    """End the server as a power cut would, and return the pid it had."""
    pid = postmaster_of(data_dir).process()
    assert pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: postmaster_of(data_dir).process() is None)
    return pid
