"""A submission server that does what it is told at each stage of the protocol, on loopback only.

What it accepts it keeps, in memory and, if asked to, line by line in a file that survives being
killed. Also a program: ``python -m tests.support.smtp_server --port 0`` prints its port, and takes
further moves by the command ``XSCRIPT`` and a line of JSON.
"""

import argparse
import json
import os
import socket
import ssl
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Literal, Self

import trustme

from tests.support.smtp_connections import TcpServer
from tests.support.smtp_moves import PASSWORD, USER, Mail, Move

EXTENSIONS = ("SIZE 100000", "8BITMIME", "SMTPUTF8", "PIPELINING")
"""What servers offer."""


class SmtpServer:
    """The server, running from the moment it is made; a context manager that stops it.

    ``tls`` is as in ``SMTP_URL``: ``none``, ``starttls`` (offered, and required for AUTH) or
    ``implicit``. With ``password``, mail is taken only after AUTH by one of ``mechanisms``.
    ``journal`` is the file that accepted messages are appended to before they are answered. One
    connection more than ``most_connections`` is closed without a word, as Courier does; after
    ``most_mails`` a connection hears what OpenSMTPD says, and after ``most_resets`` Exim's goodbye.
    ``is_hasty``: it is ready for a text without any recipient, which RFC 2920 allows.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        tls: Literal["none", "starttls", "implicit"] = "none",
        authority: trustme.CA | None = None,
        host: str = "127.0.0.1",
        password: str | None = None,
        mechanisms: str = "PLAIN LOGIN",
        extensions: Iterable[str] = EXTENSIONS,
        journal: Path | None = None,
        most_connections: int | None = None,
        most_mails: int | None = None,
        most_resets: int | None = None,
        is_hasty: bool = False,
    ) -> None:
        self.most_connections, self.most_mails = most_connections, most_mails
        self.most_resets = most_resets
        self.is_hasty = is_hasty
        self.open_connections = self.most_open = 0
        self.waiting = threading.Event()
        self.released = threading.Event()
        self.mails: list[Mail] = []
        self.connections = 0
        self.commands: list[str] = []
        self.to_nobody: list[bytes] = []
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.tls, self.password, self.mechanisms = tls, password, mechanisms
        self.extensions = tuple(extensions)
        self.context: ssl.SSLContext | None = None
        if tls != "none":
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            (authority or trustme.CA()).issue_cert(host).configure_cert(self.context)
        self._journal = journal
        self._moves: list[Move] = []
        self._tcp = TcpServer(self, port)
        self.port = int(self._tcp.server_address[1])
        self._thread = threading.Thread(target=self._tcp.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, query: str = "") -> str:
        """The ``SMTP_URL`` that leads here, with the credentials that it wants."""
        user, password = (
            "".join(f"%{byte:02X}" for byte in word.encode()) for word in (USER, PASSWORD)
        )
        scheme = "smtps" if self.tls == "implicit" else "smtp"
        credentials = f"{user}:{password}@" if self.password is not None else ""
        return f"{scheme}://{credentials}127.0.0.1:{self.port}{query}"

    def script(self, *moves: Move) -> None:
        """Make these moves, each once."""
        with self.lock:
            self._moves.extend(moves)

    def forget_moves(self) -> None:
        """Do from now on what a server always does."""
        with self.lock:
            self._moves.clear()

    def take_move(self, at: str, recipient: str | None = None) -> Move | None:
        """The move to make now, if there is one; called by a connection."""
        with self.lock:
            for move in self._moves:
                if move.at == at and move.recipient in {None, recipient}:
                    if not move.is_rule:
                        self._moves.remove(move)
                    return move
        return None

    def keep(self, mail: Mail) -> None:
        """Accept a message; called by a connection."""
        with self.lock:
            self.mails.append(mail)
            if self._journal is not None:
                line = {
                    "recipient": mail.recipient,
                    "message_id": mail.parsed["Message-ID"],
                    "subject": mail.parsed["Subject"],
                }
                with self._journal.open("ab", buffering=0) as journal:
                    journal.write(json.dumps(line).encode() + b"\n")

    def release(self) -> None:
        """Let those go on who wait, now and from now on."""
        self.released.set()

    def close(self) -> None:
        """Let go of whoever hangs or waits, and stop."""
        self.closing.set()
        self.release()
        self._tcp.shutdown()
        self._tcp.server_close()
        self._thread.join()


def script(port: int, *moves: Move) -> None:
    """Script a server in another process, as ``SmtpServer.script`` does."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        order = json.dumps([asdict(move) for move in moves])
        connection.sendall(f"XSCRIPT {order}\r\nQUIT\r\n".encode())
        while connection.recv(4096):
            """Until it says goodbye."""


def main(arguments: Iterable[str] | None = None) -> None:
    """Run until killed. The first line of standard output is the port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path)
    options = parser.parse_args(None if arguments is None else list(arguments))
    with SmtpServer(port=options.port, journal=options.journal) as server:
        os.write(sys.stdout.fileno(), f"{server.port}\n".encode())
        server.closing.wait()


if __name__ == "__main__":
    main()
