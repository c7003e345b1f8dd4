"""``flowctl status`` and ``flowctl forecast``: where things stand, and what is to come."""

from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import Json
from flowctl.cli.session import open_database, session_of
from flowctl.times import rough_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowctl.model import Channel
    from flowctl.status import StatusSummary


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("status")(status)
    app.command("forecast")(forecast)


def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Show what is pending, due, sent and failed.

    Example: flowctl status
    """
    from flowctl.status import standing

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        found = standing(connection, settings)
    if as_json:
        show.json_document(found)
    else:
        _show(found, settings.missing)


def forecast(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3650, metavar="N", help="Days, with today.")] = 7,
    as_json: Json = False,
) -> None:
    """Show how many messages of each channel fall due on each day.

    The days are those of the zone of the flow `default`. Example: flowctl forecast --days 14
    """
    from flowctl import status as use_case

    with open_database(ctx) as connection:
        found = use_case.forecast(connection, days)
    entries = [{"date": day.date, "email": day.email, "text": day.text} for day in found.days]
    if as_json:
        show.json_document({"timezone": found.timezone, "days": entries})
        return
    show.say(f"days of {found.timezone}")
    show.table(
        ("date", "email", "text"),
        [(f"{day.date:%a} {day.date}", day.email, day.text) for day in found.days],
        empty="no days",
    )


def _show(found: "StatusSummary", missing: "Mapping[Channel, tuple[str, ...]]") -> None:
    rows: list[tuple[str, object]] = [(str(name), count) for name, count in found.counts.items()]
    rows.append(("due now", found.due))
    if found.oldest_due_seconds is not None:
        rows.append(("oldest due for", rough_duration(found.oldest_due_seconds)))
    rows.append(("next due", found.next_due or "nothing"))
    rows += [(f"held {channel}", count) for channel, count in found.held.items() if count]
    show.table(("messages", ""), rows, empty="no messages")
    for channel, count in found.held.items():
        if count:
            show.warn(f"{channel} is not configured: set {', '.join(missing[channel])}")
    if found.failures:
        show.line()
        show.table(
            ("failed", "reason"),
            [(failure.count, failure.reason) for failure in found.failures],
            empty="nothing failed",
        )
    if found.undelivered:
        show.line()
        show.table(
            ("not delivered", "code"),
            [(entry.count, entry.code) for entry in found.undelivered],
            empty="all was delivered",
        )
        show.say("flowctl messages list --undelivered shows them")
