"""What a dispatch does, as people see it: counts as progress, single messages as lines, totals."""

from datetime import timedelta
from typing import TYPE_CHECKING

from flowctl.cli import show
from flowctl.cli.progress import Progress

if TYPE_CHECKING:
    from flowctl.dispatch.events import Event, EventKind, Totals
    from flowctl.dispatch.request import Request

FAILURES_SHOWN = 20
"""Lines for single messages on stderr before only their number is said."""


class EventLines:
    """Shows a run's events: counts as progress, and what went wrong in lines."""

    def __init__(
        self, progress: Progress, *, is_dry_run: bool, is_quiet: bool, is_verbose: bool
    ) -> None:
        self._progress = progress
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._is_dry_run = is_dry_run
        self._left_out = 0
        self._shown = 0

    @property
    def observed(self) -> "frozenset[EventKind]":
        """The kinds of events that it has to be called with."""
        from flowctl.dispatch.events import UNCOUNTED, EventKind

        shown = {EventKind.BEGUN} if self._is_dry_run else set()
        return frozenset(EventKind) - UNCOUNTED | shown

    def __call__(self, event: "Event") -> None:
        """Show an event, or only count it."""
        match event.kind:
            case "sent" | "retrying" | "deferred":
                self._progress.advance({event.kind: 1})
                if self._is_verbose:
                    self._say(event)
            case "failed" | "cancelled":
                self._progress.advance({event.kind: 1})
                if event.cause != "no_address" and not (
                    self._is_quiet and event.kind == "cancelled"
                ):
                    self._say_up_to_limit(event)
            case "begun" if self._is_dry_run:
                self._say_would_send(event)
            case "channel_stopped":
                show.warn(f"{event.channel}: stopped: {event.detail}")
            case "database_lost":
                show.warn(f"database: {event.detail}; waiting for it")
            case "database_back":
                show.say("database: back")
            case _:
                pass

    def say_rest(self) -> None:
        """Say how many were left out."""
        if self._left_out:
            show.say(f"... and {self._left_out} more: flowctl messages list")

    def _say_up_to_limit(self, event: "Event") -> None:
        if self._shown >= FAILURES_SHOWN and not self._is_verbose:
            self._left_out += 1
            return
        self._shown += 1
        self._say(event)

    def _say(self, event: "Event") -> None:
        step = f"{event.flow}/{event.key}" if event.key else str(event.message_id)
        who = f" for lead {event.lead_id}" if event.lead_id else ""
        detail = f": {event.detail}" if event.detail else ""
        show.say(f"{event.kind}: {step}{who}{detail}")

    def _say_would_send(self, event: "Event") -> None:
        if event.message is not None:
            text = event.message.subject or event.message.text
            show.say(
                f"would send {event.flow}/{event.key} to {event.message.recipient}: "
                f"{' '.join(text.split())[:100]}"
            )


def show_totals(totals: "Totals", request: "Request", *, as_json: bool, is_quiet: bool) -> None:
    """What a run did, and why something is held or late. Raises the errors that it ends with."""
    from flowctl.dispatch.request import failures, missing

    counts = {
        name: getattr(totals, name)
        for name in ("sent", "failed", "retrying", "cancelled", "deferred", "held", "unknown")
    }
    counts["held"] += totals.withheld
    if as_json:
        show.json_document(counts)
    elif not is_quiet or totals.failed or any(failures(totals, request)):
        words = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        if totals.no_address:
            words += f" (without an address {totals.no_address})"
        verb = "would do" if request.is_dry_run else "done"
        show.line(f"{verb}: {words}" if words else "nothing is due")
    if request.is_dry_run and request.outbox is None:
        for lacking in missing(request):
            show.warn(f"{lacking}: until then a real run holds its messages")
    if totals.withheld:
        show.say(f"{totals.withheld} are held: FLOWCTL_ONLY_TO does not name their addresses")
    if totals.late:
        show.say(
            f"{totals.late} were more than an hour late, the latest by {_rounded(totals.latest)} "
            "(expire_after of a flow cancels late messages)"
        )
    for failure in failures(totals, request):
        raise failure


def _rounded(duration: timedelta) -> str:
    hours, minutes = divmod(int(duration.total_seconds()) // 60, 60)
    return f"{hours // 24}d {hours % 24}h" if hours >= 48 else f"{hours}h {minutes}m"  # noqa: PLR2004
