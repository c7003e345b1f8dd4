"""A server that counts who calls it, as a dead man's switch does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Pinged:
    """The calls so far, by path; all are answered with ``status``."""

    port: int = 0
    status: int = 200
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """An address of it that holds a secret."""
        return f"http://127.0.0.1:{self.port}/QXZJ-secret"


@contextmanager
def ping_server() -> Iterator[Pinged]:
    """A server on loopback, up while the block runs."""
    pinged = Pinged()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pinged.paths.append(self.path)
            self.send_response(pinged.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        pinged.port = server.server_port
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield pinged
        finally:
            server.shutdown()
            thread.join()
