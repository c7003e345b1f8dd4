"""A line to the database that is cut at a chosen statement, before or after it was executed.

It passes on the messages of PostgreSQL's protocol (manual, "Message Formats") between a loopback
port and the server's socket. A statement is what ends with the server's ReadyForQuery.
"""

import selectors
import socket
import socketserver
import threading
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, urlsplit

_READY_FOR_QUERY = ord("Z")
_HEAD = 5
"""Bytes of a message's kind and length; the length counts itself, and not the kind."""
_LENGTH = slice(1, _HEAD)


@dataclass(frozen=True, slots=True)
class Cut:
    """Cut at the ``nth`` statement, from 1: before the server hears of it, or, if ``executed``,
    when it is carried out and before its answer arrives. ``silent``: the line stays open, and
    passes nothing on any more.
    """

    nth: int
    executed: bool
    silent: bool = False


class CutLine:
    """The line, open from the moment it is made; a context manager that closes it.

    ``url`` leads through it to the database of the given URL. ``statements`` counts what was asked
    for on all connections. The cut ends one connection; later ones are configured.
    """

    def __init__(self, url: str, cut: Cut | None = None) -> None:
        parts = urlsplit(url)
        places = parse_qs(parts.query)
        self._host, self._port = places["host"][0], int(places["port"][0])
        self.statements = 0
        self.is_silent = False
        self.silences = 0
        self._lock = threading.Lock()
        self._cut = cut
        self._listener = _Listener(self)
        user, port = parts.netloc.partition("@")[0], self._listener.server_address[1]
        self.url = (
            f"postgresql://{user}@127.0.0.1:{port}{parts.path}?sslmode=disable&gssencmode=disable"
        )
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,))
        self._thread.start()

    def to_server(self) -> socket.socket:
        """A connection to the server, by its socket or, of a cluster, by its port."""
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._host}/.s.PGSQL.{self._port}")
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    def begin_statement(self) -> bool:
        """Count a statement; false if the line is cut before it."""
        with self._lock:
            self.statements += 1
            return not self._is_cut_now(executed=False)

    def end_statement(self) -> bool:
        """Note that a statement was executed; false if the line is cut after it."""
        with self._lock:
            return not self._is_cut_now(executed=True)

    def _is_cut_now(self, *, executed: bool) -> bool:
        cut = self._cut
        if cut is None or (cut.nth, cut.executed) != (self.statements, executed):
            return False
        self._cut = None
        self.is_silent = cut.silent
        return True


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, line: CutLine) -> None:
        self.line = line
        super().__init__(("127.0.0.1", 0), _Connection)


class _Connection(socketserver.BaseRequestHandler):
    """One connection, until one of its ends closes it or it is cut."""

    server: _Listener
    request: socket.socket

    def handle(self) -> None:
        line = self.server.line
        # what comes before the first ReadyForQuery is no statement
        self.is_asking, self.is_started = True, False
        self.unfinished = b""
        with (
            line.to_server() as database,
            selectors.DefaultSelector() as selector,
        ):
            selector.register(self.request, selectors.EVENT_READ, (self._asked, database))
            selector.register(database, selectors.EVENT_READ, (self._answered, self.request))
            goes_on = True
            while goes_on:
                for key, _ in selector.select():
                    pass_on, other = key.data
                    chunk = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    goes_on = goes_on and bool(chunk) and pass_on(chunk, other)
            if line.is_silent:
                line.is_silent = False
                line.silences += 1
                while self.request.recv(65536):
                    pass

    def _asked(self, chunk: bytes, database: socket.socket) -> bool:
        if not self.is_asking:
            self.is_asking = True
            if not self.server.line.begin_statement():
                return False
        database.sendall(chunk)
        return True

    def _answered(self, chunk: bytes, client: socket.socket) -> bool:
        """Pass an answer on once it is whole."""
        self.unfinished += chunk
        if not _is_ready(self.unfinished):
            return True
        if self.is_started and not self.server.line.end_statement():
            return False
        self.is_started = True
        client.sendall(self.unfinished)
        self.unfinished, self.is_asking = b"", False
        return True


def _is_ready(answer: bytes) -> bool:
    """Whether the last message of an answer is there and is ReadyForQuery."""
    at, kind = 0, 0
    while at + _HEAD <= len(answer):
        kind = answer[at]
        at += 1 + int.from_bytes(answer[at:][_LENGTH], "big")
    return at == len(answer) and kind == _READY_FOR_QUERY
