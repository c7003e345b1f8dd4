"""What the mail servers of the tests have in common."""

import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MailServer:
    """A running server that takes mail at a port; what comes to example.com goes into the Maildir.

    ``flushing`` is the command that tries again what could not be delivered.
    """

    port: int
    maildir: Path
    flushing: list[str]

    def flush(self) -> None:
        """Try again what waits in the queue."""
        subprocess.run(self.flushing, check=True, capture_output=True)


def listens(port: int) -> bool:
    """Whether somebody listens at a port of 127.0.0.1.

    The probe has another address: from the same one it may get the very port that it asks for, and
    so find itself.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        return probe.connect_ex(("127.0.0.1", port)) == 0
