"""A PostgreSQL for one test, durable as the product's own is, which the test may kill."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from flowctl import migrate
from flowctl.embedded import EmbeddedServer
from tests.support.embedded import kill_postmaster
from tests.support.postgres import Connection, connect, is_server_down, postmaster_of
from tests.support.waiting import until


class OwnServer:
    """A running server whose database ``url`` has the product's schema."""

    def __init__(self, data_dir: Path, server: EmbeddedServer) -> None:
        self._data_dir = data_dir
        self._server = server
        socket_dir = os.fspath(postmaster_of(data_dir).socket_dir)
        self.url = f"postgresql://flowctl@/flowctl?host={quote(socket_dir, safe='')}&port=5432"

    def connect(self) -> Connection:
        """A new connection; the old ones do not survive the server."""
        return connect(self.url)

    def kill(self) -> None:
        """End it with SIGKILL, and wait until nothing of it is left."""
        kill_postmaster(self._data_dir)
        until(lambda: is_server_down(self._data_dir))

    def stop(self) -> None:
        """Shut it down as an operator does who does not wait for clients."""
        pid = postmaster_of(self._data_dir).process()
        assert pid
        os.kill(pid, signal.SIGINT)
        until(lambda: is_server_down(self._data_dir))

    def start(self) -> None:
        """Start it again; it accepts connections when this returns."""
        self._server.ensure_running()


@contextmanager
def own_server(cluster: Path) -> Iterator[OwnServer]:
    """The server of a cluster, with the product's schema; it is left running or not, as it is."""
    server = EmbeddedServer(cluster, environ=os.environ)
    with server.attach(create=False):
        own = OwnServer(cluster, server)
        with own.connect() as connection:
            migrate.apply(connection)
        yield own
