"""What the outside is told of a run while it lasts and at its end.

Its row in the history, a file of figures, a ping: none of it ever fails the run, and none of it is
in the way of a send.
"""

import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Thread
from uuid import UUID

from flowctl import __version__, database
from flowctl.database import Connection
from flowctl.dispatch import metrics
from flowctl.dispatch.events import Totals
from flowctl.dispatch.request import Request
from flowctl.errors import FlowctlError
from flowctl.model import Channel, Outcome
from flowctl.settings import Secret
from flowctl.store import runs
from flowctl.store.due import due_by_channel
from flowctl.text import one_line

log = logging.getLogger(__name__)

BEAT = 60.0
"""Seconds between two signs of life."""

CONNECT_TIMEOUT = 3
"""Seconds for a connection that is only for the history."""

PING_TIMEOUT = 10.0


class Watch:
    """Tells the outside of one run.

    ``health`` is a number that grows while the dispatcher gets on, and null while something is
    wrong: a channel stopped, a limit reached. ``stopped`` are the channels that stand still.
    """

    def __init__(
        self,
        conninfo: str,
        request: Request,
        run_id: UUID,
        totals: Callable[[], Totals],
        health: Callable[[], int | None],
        *,
        stopped: Callable[[], Mapping[Channel, Outcome]] = dict,
    ) -> None:
        self._conninfo = conninfo
        self._request = request
        self._run_id = run_id
        self._totals = totals
        self._health = health
        self._stopped = stopped
        self._seen = -1

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Give a sign of life each minute while the block runs."""
        if not (self._request.is_real or self._request.metrics):
            yield
            return
        over = Event()
        thread = Thread(target=self._beat, args=(over,), name="flowctl-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(timeout=CONNECT_TIMEOUT)

    def end(self, exit_status: int) -> None:
        """Tell how the run ended."""
        self._write(exit_status)
        if exit_status == 0 and not self._request.is_loop:
            self._ping()

    def _beat(self, over: Event) -> None:
        while not over.wait(BEAT):
            self.beat()

    def beat(self) -> None:
        """One sign of life: the totals so far and, under ``--loop``, a ping if all is in order."""
        self._write(None)
        health = self._health()
        is_getting_on = health is not None and health != self._seen
        self._seen = -1 if health is None else health
        if self._request.is_loop and is_getting_on:
            self._ping()

    def _write(self, exit_status: int | None) -> None:
        totals, due = self._totals(), None
        if self._request.is_real or self._request.metrics:
            with (
                suppress(FlowctlError),
                database.connect(self._conninfo, connect_timeout=CONNECT_TIMEOUT) as connection,
            ):
                if self._request.metrics is not None:
                    due = due_by_channel(connection)
                if self._request.is_real:
                    runs.update_run(
                        connection,
                        self._run_id,
                        sent=totals.sent,
                        failed=totals.failed,
                        stopped={
                            channel: one_line(f"{outcome.code} {outcome.detail}")
                            for channel, outcome in self._stopped().items()
                        },
                        exit_status=exit_status,
                    )
        if self._request.metrics is not None:
            try:
                metrics.write(self._request.metrics, metrics.render(totals, due, exit_status))
            except OSError as error:
                log.warning("metrics: %s: %s", self._request.metrics, error.strerror)

    def _ping(self) -> None:
        if self._request.ping_url is not None and self._request.is_real:
            ping(self._request.ping_url)


def ping(url: Secret) -> None:
    """GET an address that counts the calls. What goes wrong is a warning without the address, which
    may be a secret."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request as HttpRequest
    from urllib.request import urlopen

    asked = HttpRequest(url.reveal(), headers={"User-Agent": f"flowctl/{__version__}"})  # noqa: S310 - the settings take http(s) only
    try:
        with urlopen(asked, timeout=PING_TIMEOUT) as answer:  # noqa: S310
            answer.read(1)
    except HTTPError as error:
        log.warning("ping: answered with %s", error.code)
    except (OSError, HTTPException) as error:
        log.warning("ping: not answered (%s)", type(error).__name__)


def enter_history(connection: Connection, run_id: UUID, request: Request) -> None:
    """Enter a run that sends into the history, which also forgets old ones."""
    if not request.is_real:
        return
    try:
        with database.translated():
            runs.start_run(connection, run_id, socket.gethostname()[:255], is_loop=request.is_loop)
    except FlowctlError as error:
        log.warning("the history of runs cannot be written: %s", error.message)
