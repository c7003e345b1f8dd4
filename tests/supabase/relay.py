"""A loopback port that leads to the server's socket, for a program that knows no sockets."""

import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SOCKET_FILE = ".s.PGSQL.5432"


@contextmanager
def relay(url: str) -> Iterator[str]:
    """The same database by TCP; the port is closed at the end of the block."""
    parts = urlsplit(url)
    target = Path(parse_qs(parts.query)["host"][0]) / SOCKET_FILE
    with _Listener(target) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            # the server asks for no password, and the program for one in the URL
            user = parts.netloc.partition("@")[0]
            port = listener.server_address[1]
            yield f"postgresql://{user}:unused@127.0.0.1:{port}{parts.path}?sslmode=disable"
        finally:
            listener.shutdown()
            thread.join()


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, target: Path) -> None:
        self.target = target
        super().__init__(("127.0.0.1", 0), _Connection)


class _Connection(socketserver.BaseRequestHandler):
    """One connection, until one of its ends closes it."""

    server: _Listener
    request: socket.socket

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as database:
            database.connect(os.fspath(self.server.target))
            back = threading.Thread(target=_pass_on, args=(database, self.request))
            back.start()
            _pass_on(self.request, database)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(ConnectionError, BrokenPipeError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with suppress(OSError):  # the other end may be gone
        target.shutdown(socket.SHUT_WR)
