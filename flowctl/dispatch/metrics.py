"""A run in figures, as a file that a textfile collector of Prometheus reads.

The format is the text form of https://prometheus.io/docs/instrumenting/exposition_formats/. All are
gauges: a run by cron begins at nothing each time.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flowctl import __version__
from flowctl.dispatch.events import Totals
from flowctl.model import Channel
from flowctl.store.due import Due

OUTCOMES = ("sent", "failed", "retrying", "cancelled", "deferred", "held", "unknown")


def render(totals: Totals, due: Sequence[Due] | None, exit_status: int | None) -> str:
    """The text. ``due`` is null while the database cannot be asked, ``exit_status`` while the run
    lasts."""
    lines = [*_metric("flowctl_info", "The program.", {f'version="{__version__}"': 1})]
    lines += _metric(
        "flowctl_run_messages",
        "Messages of this run, by what became of them.",
        {f'outcome="{name}"': getattr(totals, name) for name in OUTCOMES},
    )
    lines += _metric(
        "flowctl_channel_stopped",
        "1 where the provider refused the account or could not be reached.",
        {f'channel="{channel}"': int(channel in totals.stopped) for channel in Channel},
    )
    if due is not None:
        waiting = {one.channel: one for one in due}
        lines += _metric(
            "flowctl_due_messages",
            "Messages that wait for a dispatcher.",
            {f'channel="{c}"': waiting[c].messages if c in waiting else 0 for c in Channel},
        )
        oldest = max((one.oldest_seconds for one in due), default=0)
        lines += _metric("flowctl_due_oldest_seconds", "How late the oldest is.", {"": oldest})
    if exit_status is not None:
        lines += _metric("flowctl_run_exit_status", "How the run ended.", {"": exit_status})
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """Replace the file as a whole, so that nobody reads half of it. Raises OSError."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _metric(name: str, says: str, values: Mapping[str, int]) -> Iterator[str]:
    yield f"# HELP {name} {says}"
    yield f"# TYPE {name} gauge"
    for labels, value in values.items():
        yield f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"
