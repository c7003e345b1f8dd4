"""One run of ``flowctl dispatch``: its channels, its dispatcher, and what it leaves undone."""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from flowctl import database, migrate
from flowctl.clock import SystemClock
from flowctl.database import Connection
from flowctl.dispatch.channel import ChannelState
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import EventKind, Observer, Totals
from flowctl.dispatch.options import Options
from flowctl.dispatch.pace import RateLimiter
from flowctl.dispatch.request import Request, failures
from flowctl.dispatch.watching import Watch, enter_history
from flowctl.errors import FlowctlError
from flowctl.model import Channel, Outcome
from flowctl.settings import Settings
from flowctl.store import claims, identity
from flowctl.store.due import count_due
from flowctl.store.runs import new_run_id
from flowctl.transports import TextLookup, Transport, transport_for
from flowctl.transports.dry_run import DryRunTransport

BUG = FlowctlError.exit_code
"""The exit status of what was not expected."""


@dataclass(slots=True)
class ConfiguredChannels:
    """The channels of a run, and those that are not configured and so take no messages."""

    states: list[ChannelState] = field(default_factory=list)
    unconfigured: list[Channel] = field(default_factory=list)

    def stopped(self) -> dict[Channel, Outcome]:
        """The channels that stand still, and why."""
        return {one.channel: one.stopped for one in self.states if one.stopped is not None}

    def close(self) -> None:
        """Close the transports."""
        for state in self.states:
            state.transport.close()


def open_channels(
    settings: Settings,
    channels: Sequence[Channel],
    *,
    concurrency: int,
    rate: float | None = None,
    outbox: Path | None = None,
    now: datetime | None = None,
    is_dry_run: bool = False,
) -> ConfiguredChannels:
    """The state of each channel that is configured; of all of them with an outbox.

    ``rate`` is in messages a second and holds for each channel by itself. A dry run has every
    channel. Raises InputError for an outbox or a setting that cannot be used.
    """
    configured = ConfiguredChannels()
    for channel in channels:
        transport, name = (
            (DryRunTransport(channel), "outbox")
            if is_dry_run
            else _transport(settings, channel, concurrency, outbox, now)
        )
        if transport is None:
            configured.unconfigured.append(channel)
            continue
        configured.states.append(
            ChannelState(
                channel,
                transport,
                name,
                rate=RateLimiter(1 / rate if rate else 0.0),
                lookup=transport if isinstance(transport, TextLookup) else None,
            )
        )
    return configured


def _transport(
    settings: Settings,
    channel: Channel,
    concurrency: int,
    outbox: Path | None,
    now: datetime | None,
) -> tuple[Transport | None, str]:
    if outbox is not None:
        from flowctl.transports.outbox import OutboxTransport

        sender = settings.twilio.from_number if settings.twilio is not None else None
        return (
            OutboxTransport(outbox, channel, settings.email, text_sender=sender, date=now),
            "outbox",
        )
    name = "smtp" if channel is Channel.EMAIL else "twilio"
    return transport_for(channel, settings, concurrency=concurrency), name


class DispatchRun:
    """A dispatcher with all it needs; make one with ``prepare``.

    ``schema_note`` says that the schema is newer than this program, null where it is not.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        configured: ConfiguredChannels,
        conninfo: str,
        request: Request,
        *,
        watch: Watch,
        schema_note: str | None,
    ) -> None:
        self.dispatcher = dispatcher
        self.schema_note = schema_note
        self._configured = configured
        self._conninfo = conninfo
        self._request = request
        self._watch = watch

    @property
    def unconfigured(self) -> list[Channel]:
        """Channels that were asked for and are not configured."""
        return self._configured.unconfigured

    def run(self) -> Totals:
        """Dispatch, then count what is due on channels that are not configured.

        How it went is told to the history, the metrics file and the ping. Raises
        DatabaseUnavailable.
        """
        try:
            with self._watch.beating():
                totals = self._dispatch()
        except Exception as error:
            self._watch.end(error.exit_code if isinstance(error, FlowctlError) else BUG)
            raise
        self._watch.end(next((one.exit_code for one in failures(totals, self._request)), 0))
        return totals

    def _dispatch(self) -> Totals:
        dispatcher = self.dispatcher
        totals = dispatcher.run_loop() if self._request.is_loop else dispatcher.run_once()
        if self._configured.unconfigured and not self._request.is_loop:
            with database.connect(self._conninfo) as connection:
                totals.held = sum(self.held(connection).values())
        return totals

    def held(self, connection: Connection) -> dict[Channel, int]:
        """Due messages by channel that is not configured."""
        now = self._request.options.now
        return {
            channel: count_due(connection, channel, now)
            for channel in self._configured.unconfigured
        }


@contextmanager
def prepare(
    conninfo: str,
    request: Request,
    observer: Observer,
    observed: Iterable[EventKind] = EventKind,
) -> Iterator[DispatchRun]:
    """Check the schema and open the transports; they are closed at the end of the block.

    Raises SchemaMismatch, DatabaseUnavailable, and InputError for settings that cannot be used and
    for a copy of a database, unless nobody is written to.
    """
    options = _options(request)
    with database.connect(conninfo) as connection:
        note = migrate.require_schema(connection)
        run_id = _admit(connection, request, options)
        configured = _configured(request)
        enter_history(connection, run_id, request)

    def connect() -> Connection:
        request.before_connecting()
        # a dry run is never committed
        return database.open_connection(conninfo, autocommit=not request.is_dry_run)

    try:
        dispatcher = Dispatcher(
            connect,
            configured.states,
            request.settings,
            options,
            run_id=run_id,
            clock=SystemClock(),
            random=random.SystemRandom(),
            observer=observer,
            observed=observed,
        )
        watch = _watch(conninfo, request, run_id, dispatcher, configured)
        yield DispatchRun(dispatcher, configured, conninfo, request, watch=watch, schema_note=note)
    finally:
        configured.close()


def _options(request: Request) -> Options:
    """How a run behaves that hands messages to nobody, or to their providers."""
    if request.is_real:
        return request.options
    return replace(
        request.options,
        is_immediate=True,
        # what a dry run does is one transaction
        claims_ahead=not request.is_dry_run,
        allows_copy=True,
    )


def _watch(
    conninfo: str,
    request: Request,
    run_id: UUID,
    dispatcher: Dispatcher,
    configured: ConfiguredChannels,
) -> Watch:
    return Watch(
        conninfo,
        request,
        run_id,
        lambda: dispatcher.totals,
        lambda: dispatcher.health,
        stopped=configured.stopped,
    )


def _admit(connection: Connection, request: Request, options: Options) -> UUID:
    """The identity of a run that this database lets send."""
    if not options.allows_copy:
        identity.require_original(connection)
    if request.is_loop:
        # what refuses now would be waited for later
        claims.check_writable(connection)
    return new_run_id(connection)


def _configured(request: Request) -> ConfiguredChannels:
    return open_channels(
        request.settings,
        request.channels,
        concurrency=request.options.concurrency,
        rate=request.rate,
        outbox=request.outbox,
        now=request.options.now,
        is_dry_run=request.is_dry_run,
    )
