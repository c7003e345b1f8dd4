"""``flowctl status``: where things stand."""

import shlex
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from flowctl.cli import show
from flowctl.cli.options import Json
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import duration
from flowctl.text import one_line
from flowctl.times import format_duration, rough_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowctl.model import Channel
    from flowctl.status import Breakdown, StatusSummary
    from flowctl.store.runs import LastRun
    from flowctl.store.status import Count

_Key = TypeVar("_Key", bound=str)

WIDTH = 55
"""Characters of a reason or a list that a line of 80 has room for."""

HOST = 30
"""Characters of a host's name."""

SEARCHED = 30
"""Characters of a reason, quoted for a shell, that the command that finds it is given."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    ctx: typer.Context,
    since: Annotated[
        timedelta,
        typer.Option(
            parser=duration, metavar="TIME", help="How far back to report what went out or failed."
        ),
    ] = "7d",  # type: ignore[assignment]  # typer parses it
    as_json: Json = False,
) -> None:
    """Show what is pending, due, sent and failed.

    Example: flowctl status --since 1d
    """
    from flowctl.status import summarize

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        found = summarize(connection, settings, since)
    if as_json:
        show.json_document(_document(found))
    else:
        _show(found, settings.missing, format_duration(since))


def _document(found: "StatusSummary") -> dict[str, object]:
    run = found.last_run
    return {
        "counts": _numbers(found.counts),
        "due": found.due.number,
        "oldest_due_seconds": found.oldest_due_seconds,
        "next_due": found.next_due,
        "held": _numbers(found.held),
        "failures": found.failures.entries,
        "undelivered": found.undelivered.entries,
        "sent": _numbers(found.sent),
        "flows_paused": found.flows_paused,
        "paused": found.paused.number,
        "no_address": found.no_address.number,
        "unread_timezones": found.unread_timezones,
        "dispatchers": found.dispatchers,
        "last_run": run
        and {
            "host": run.host,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "sent": run.sent,
            "failed": run.failed,
            "exit": run.exit_status,
        },
        "stopped": run.stopped if run else {},
        "estimated": found.estimated,
    }


def _numbers(counts: "Mapping[_Key, Count]") -> "dict[_Key, int]":
    return {key: count.number for key, count in counts.items()}


def _show(found: "StatusSummary", missing: "Mapping[Channel, tuple[str, ...]]", span: str) -> None:
    show.table(("messages", ""), list(_rows(found, span)), empty="no messages")
    for channel, count in found.held.items():
        if count.number:
            show.warn(f"{channel} is not configured: set {', '.join(missing[channel])}")
    if found.failures.entries:
        show.line()
        show.table(
            ("failed", f"reason, {_of_the(found.failures, span)}"),
            [(failure.count, _cut(failure.reason)) for failure in found.failures.entries],
            empty="nothing failed",
        )
        for failure in found.failures.entries:
            show.say(f"  {_command(failure.reason)}")
    if found.undelivered.entries:
        show.line()
        show.table(
            ("not delivered", f"code, {_of_the(found.undelivered, span)}"),
            [(entry.count, entry.code) for entry in found.undelivered.entries],
            empty="all was delivered",
        )
        show.say("  flowctl messages list --undelivered")


def _rows(found: "StatusSummary", span: str) -> Iterator[tuple[str, object]]:
    for name, count in found.counts.items():
        yield name, _about(count)
    yield "due now", _at_least(found.due)
    if found.oldest_due_seconds is not None:
        yield "oldest due for", rough_duration(found.oldest_due_seconds)
    yield "next due", found.next_due or "nothing"
    for channel, count in found.held.items():
        if count.number:
            yield f"held {channel}", _at_least(count)
    if found.flows_paused:
        yield "paused", f"{_at_least(found.paused)} in {_cut(', '.join(found.flows_paused))}"
    sent = {name: _about(count) for name, count in found.sent.items()}
    yield (
        "went out",
        f"{sent['hour']} in the last hour, {sent['today']} today, {sent['since']} in {span}",
    )
    if found.no_address.number:
        yield "no address", f"{_at_least(found.no_address)} in {span}"
    if found.unread_timezones.count:
        yield (
            "unread zones",
            _cut(
                f"{found.unread_timezones.count}: "
                + ", ".join(map(repr, found.unread_timezones.examples))
            ),
        )
    if found.last_run is None:
        yield "last run", "none in 30 days"
    else:
        yield from _run(found.last_run)
    if found.dispatchers:
        yield "at work", _cut(", ".join(one.host for one in found.dispatchers))


def _run(run: "LastRun") -> Iterator[tuple[str, object]]:
    ago = rough_duration(run.seconds_ago)
    if run.exit_status is not None:
        end = f"exit {run.exit_status}, {ago} ago"
    else:
        end = "at work" if run.is_at_work else f"not heard of for {ago}"
    yield "last run", f"{show.cell(run.started_at)}: {end}"
    for channel, reason in run.stopped.items():
        yield f"stopped {channel}", _cut(reason)
    yield "", f"sent {run.sent}, failed {run.failed}, on {_cut(run.host)[:HOST]}"


def _about(count: "Count") -> str:
    return f"about {count.number:,}" if count.is_estimated else str(count.number)


def _at_least(count: "Count") -> str:
    return f"at least {count.number:,}" if count.is_estimated else str(count.number)


def _of_the(breakdown: "Breakdown[Any]", span: str) -> str:
    """What it was counted of."""
    if breakdown.of_newest is None:
        return f"of the last {span}"
    return f"of the newest {breakdown.of_newest:,} in {span}"


def _command(reason: str) -> str:
    """The command that lists what failed for a reason."""
    command = "flowctl messages list --status failed"
    words = reason[:SEARCHED].partition("\n")[0].strip()
    while len(shlex.quote(words)) > SEARCHED + 2:
        words = words[:-1].strip()
    return f"{command} --error {shlex.quote(words)}" if words else command


def _cut(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
