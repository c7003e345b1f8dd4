"""A server of HTTP whose every word a test decides."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s"
SENT = b'{"sid": "SM%032x", "status": "queued"}'


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that has ``talk`` for each connection, in a thread of its own."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            talk(self.request)

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def read_request(line: socket.socket) -> bytes:
    """A request with its body; empty where the client has closed."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (block := line.recv(65536)):
            return b""
        read += block
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length:
        body += line.recv(65536)
    return head + b"\r\n\r\n" + body


def accept(line: socket.socket, number: int) -> None:
    body = SENT % number
    line.sendall(ANSWER % (len(body), body))
