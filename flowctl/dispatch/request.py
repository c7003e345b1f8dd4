"""What a run is asked to do, and why it does not exit with 0."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flowctl.dispatch.events import Totals
from flowctl.dispatch.options import Options
from flowctl.errors import FlowctlError, NeedsAttention, ProviderStopped
from flowctl.model import Channel
from flowctl.settings import Secret, Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to do.

    ``rate``: sends a second on each channel. ``outbox``: a folder for files instead of sends.
    ``is_dry_run``: everything happens but the sends, and is undone at the end. ``metrics``: a file
    of figures for Prometheus; ``ping_url``: who is told that all is well. ``before_connecting`` is
    called each time a connection to the database is opened.
    """

    settings: Settings
    options: Options
    channels: tuple[Channel, ...] = tuple(Channel)
    rate: float | None = None
    outbox: Path | None = None
    is_dry_run: bool = False
    is_loop: bool = False
    metrics: Path | None = None
    ping_url: Secret | None = None
    before_connecting: Callable[[], None] = lambda: None

    @property
    def is_real(self) -> bool:
        """Whether messages go to people."""
        return self.outbox is None and not self.is_dry_run


def failures(totals: Totals, request: Request) -> Iterator[FlowctlError]:
    """Why the run does not exit with 0, the gravest first."""
    if totals.stopped and not request.is_loop:
        stops = [f"{channel}: {o.code} {o.detail}".strip() for channel, o in totals.stopped.items()]
        hints = [outcome.hint for outcome in totals.stopped.values() if outcome.hint]
        yield ProviderStopped(
            "; ".join(" ".join(stop.split()) for stop in stops) + " (messages stay pending)",
            hint="; ".join(hints),
        )
    if totals.is_limited and not request.is_loop:
        yield NeedsAttention(
            f"the hourly limit is reached: FLOWCTL_MAX_PER_HOUR={request.settings.max_per_hour}",
            hint="the rest stays pending; raise the limit if that many sends are meant",
        )
    if totals.held:
        yield NeedsAttention(
            f"{totals.held} due messages are held: their channel is not configured",
            hint="set what is missing: " + "; ".join(missing(request)),
        )


def missing(request: Request) -> list[str]:
    """What each channel of the request lacks to be configured."""
    return [
        f"{channel} needs {', '.join(names)}"
        for channel, names in request.settings.missing.items()
        if names and channel in request.channels
    ]
