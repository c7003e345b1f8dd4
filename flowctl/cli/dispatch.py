"""``flowctl dispatch``: send what is due."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl import __version__
from flowctl.cli import show
from flowctl.cli.events import EventLines, show_totals
from flowctl.cli.options import DryRun, Json
from flowctl.cli.progress import LOOP_INTERVAL, PLAIN_INTERVAL, Progress
from flowctl.cli.session import attach_database, session_of
from flowctl.cli.values import duration, timestamp, web_address, whole_number
from flowctl.cli.values import rate as per_second
from flowctl.cli.values import slot as slot_of
from flowctl.errors import UsageError
from flowctl.model import Channel, Slot
from flowctl.signals import end_on_sigterm

if TYPE_CHECKING:
    from flowctl.dispatch.events import Totals
    from flowctl.dispatch.request import Request
    from flowctl.dispatch.run import DispatchRun

CONCURRENCY = 10
"""Sends at once by default: what one submission server or one sending number takes gladly."""

OUTBOX_CONCURRENCY = 500


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dispatch")(dispatch)


def dispatch(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Send everything due, then exit.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Go on until told to stop.")] = False,
    interval: Annotated[
        timedelta,
        typer.Option(
            parser=duration, metavar="TIME", help="With --loop: time between two full rounds."
        ),
    ] = "10s",  # type: ignore[assignment]  # typer parses it
    channel: Annotated[
        Channel | None, typer.Option(help="Only this channel.", show_default=False)
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(1, 500),
            metavar="N",
            help="Messages in flight at most, and so in doubt after a crash: "
            f"{CONCURRENCY} unless given, {OUTBOX_CONCURRENCY} with --outbox.",
            show_default=False,
        ),
    ] = None,
    lease: Annotated[
        timedelta,
        typer.Option(
            parser=duration, metavar="TIME", help="How long a claim outlives its dispatcher."
        ),
    ] = "2m",  # type: ignore[assignment]  # typer parses it
    limit: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(), metavar="N", help="End after N sends.", show_default=False
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            parser=per_second,
            metavar="RATE",
            help="On each channel at most: 10/s, 300/m.",
            show_default=False,
        ),
    ] = None,
    slot: Annotated[
        Slot | None,
        typer.Option(
            parser=slot_of,
            metavar="K/N",
            help="Only leads of share K of N: N dispatchers that never meet.",
            show_default=False,
        ),
    ] = None,
    outbox: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write messages to files in DIR.", show_default=False),
    ] = None,
    now: Annotated[
        datetime | None,
        typer.Option(
            parser=timestamp,
            metavar="WHEN",
            help="Pretend it is WHEN; with --dry-run or --outbox.",
            show_default=False,
        ),
    ] = None,
    metrics: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep figures for Prometheus in FILE (a textfile collector's).",
            show_default=False,
        ),
    ] = None,
    ping: Annotated[
        str | None,
        typer.Option(
            parser=web_address,
            metavar="URL",
            help="GET this when a run ended well; under --loop each minute while all is in order. "
            "FLOWCTL_PING_URL where it is a secret.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Progress and a line a message, off a terminal too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Send the messages that are due.

    From cron: flowctl dispatch --once
    """
    _refuse_contradictions(
        once=once, loop=loop, dry_run=dry_run, outbox=outbox is not None, now=now is not None
    )
    from flowctl.cli.logs import log_to_stderr
    from flowctl.dispatch.options import Options
    from flowctl.dispatch.request import Request
    from flowctl.settings import Secret

    session = session_of(ctx)
    log_to_stderr(debug=session.debug)
    request = Request(
        settings=session.settings,
        options=Options(
            concurrency=concurrency
            or (OUTBOX_CONCURRENCY if outbox is not None or dry_run else CONCURRENCY),
            lease=lease,
            limit=limit,
            now=_in_utc(now),
            interval=interval.total_seconds(),
            slot=slot,
        ),
        channels=tuple(Channel) if channel is None else (channel,),
        rate=rate,
        outbox=outbox,
        is_dry_run=dry_run,
        is_loop=loop,
        metrics=metrics,
        ping_url=session.settings.ping_url if ping is None else Secret(ping),
        before_connecting=lambda: session.revive_database(),  # noqa: PLW0108  # set on attaching
    )
    is_quiet = once and not (dry_run or verbose) and show.is_unattended()
    with attach_database(ctx, must_be_named=outbox is None, is_quiet=is_quiet) as conninfo:
        if loop:
            _say_start(conninfo, request)
        totals = _run(conninfo, request, is_quiet=is_quiet, is_verbose=verbose)
        show_totals(totals, request, as_json=as_json, is_quiet=is_quiet)


def _refuse_contradictions(
    *, once: bool, loop: bool, dry_run: bool, outbox: bool, now: bool
) -> None:
    if once and loop:
        raise UsageError("--once and --loop contradict each other", hint="give one of them")
    if not (once or loop or dry_run):
        raise UsageError(
            "dispatch needs --once or --loop",
            hint="flowctl dispatch --once sends what is due and exits",
        )
    if loop and dry_run:
        raise UsageError("--loop and --dry-run contradict each other", hint="leave out --loop")
    if now and not (dry_run or outbox):
        raise UsageError(
            "--now goes only with --dry-run or --outbox",
            hint="what is really sent is decided by the database's clock",
        )
    if now and loop:
        raise UsageError("--now and --loop contradict each other", hint="use --once")


def _in_utc(now: datetime | None) -> datetime | None:
    """A pretended time; one without an offset is of UTC."""
    return now.replace(tzinfo=UTC) if now is not None and now.tzinfo is None else now


def _say_start(conninfo: str, request: "Request") -> None:
    from flowctl.database import conninfo_parameters

    named = conninfo_parameters(conninfo)
    where = "/".join(named[name] for name in ("host", "dbname") if name in named)
    channels = ", ".join(request.channels)
    show.say(f"flowctl {__version__}: dispatching {channels} from the database {where}".rstrip())


def _run(conninfo: str, request: "Request", *, is_quiet: bool, is_verbose: bool) -> "Totals":
    from flowctl.dispatch import run as dispatch_run
    from flowctl.dispatch.request import missing

    interval = LOOP_INTERVAL if request.is_loop and not is_verbose else PLAIN_INTERVAL
    with Progress(is_plain=not is_quiet, interval=interval) as progress:
        reporter = EventLines(
            progress, is_dry_run=request.is_dry_run, is_quiet=is_quiet, is_verbose=is_verbose
        )
        preparing = dispatch_run.prepare(conninfo, request, reporter, reporter.observed)
        with preparing as run, _stopped_by_signals(run):
            if run.schema_note is not None:
                show.say(f"note: {run.schema_note}")
            if request.is_loop and run.unconfigured:
                for lacking in missing(request):
                    show.warn(f"{lacking}: its messages are held")
            totals = run.run()
    reporter.say_rest()
    return totals


@contextmanager
def _stopped_by_signals(run: "DispatchRun") -> Iterator[None]:
    """The first SIGTERM or SIGINT lets the run finish what is in flight; a second one ends it."""

    def stop(signum: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, end_on_sigterm)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        show.say(f"{signal.Signals(signum).name}: finishing what is in flight")
        run.dispatcher.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
