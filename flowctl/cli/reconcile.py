"""``flowctl reconcile``: ask Twilio what became of texts."""

import sys
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowctl.cli import show
from flowctl.cli.options import Json
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import duration
from flowctl.errors import InputError, NeedsAttention
from flowctl.model import Channel

if TYPE_CHECKING:
    from flowctl.reconcile.texts import ReconcileResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile")(reconcile)


def reconcile(
    ctx: typer.Context,
    *,
    since: Annotated[
        timedelta,
        typer.Option(parser=duration, metavar="TIME", help="Look at texts of the last so long."),
    ] = "3d",  # type: ignore[assignment]  # typer parses it
    replies: Annotated[
        bool, typer.Option("--replies", help="List the replies that were not understood.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Report off a terminal too when all went well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask what became of messages, and who opted out.

    Twilio is asked about texts sent lately, and for STOP and START replies. Exits with 1 where
    texts turned out undelivered. From cron, once an hour: flowctl reconcile
    """
    from flowctl.reconcile import texts
    from flowctl.transports import text_lookup_for

    settings = session_of(ctx).settings
    provider = text_lookup_for(settings)
    if provider is None:
        raise InputError(
            "Twilio is not configured",
            hint="set " + ", ".join(settings.missing[Channel.TEXT]),
        )
    try:
        with open_database(ctx) as connection:
            done = texts.reconcile(connection, provider, since, settings)
    finally:
        provider.close()
    if as_json:
        show.json_document(_document(done, with_replies=replies))
    elif verbose or replies or done.undelivered or sys.stdout.isatty():
        _report(done, with_replies=replies)
    if done.undelivered:
        raise NeedsAttention(
            f"{_texts(sum(done.undelivered.values()))} not delivered",
            hint="flowctl messages list --undelivered",
        )


def _document(done: "ReconcileResult", *, with_replies: bool) -> dict[str, Any]:
    document = {**asdict(done), "not_understood": done.not_understood}
    if not with_replies:
        del document["replies"]
    return document


def _report(done: "ReconcileResult", *, with_replies: bool) -> None:
    show.line(
        f"{_texts(done.texts)} listed, {done.updated} deliveries updated, "
        f"{len(done.suppressed)} numbers suppressed, {len(done.lifted)} no longer"
    )
    if done.left_out:
        show.line(f"left out: {done.left_out} of other channels, or that cannot be read")
    if done.found or done.missing or done.waiting:
        show.line(
            f"unknown outcomes: {done.found} were sent, {done.missing} were not and are due again, "
            f"{done.waiting} to be asked about later"
        )
    if done.recovered:
        show.line(f"{_texts(done.recovered)} that Twilio has and the database had not: now sent")
    for code, count in sorted(done.undelivered.items(), key=lambda pair: -pair[1]):
        show.line(f"not delivered: {count} for {_reason(code)}")
    if done.not_understood and not with_replies:
        show.line(f"replies not understood: {done.not_understood} (--replies lists them)")
    if with_replies:
        show.table(
            ("at", "from", "reply"),
            [(reply.at, reply.sender, reply.body) for reply in done.replies],
            empty="no reply that was not understood",
        )


def _reason(code: str) -> str:
    """A code of Twilio's with its page and what to do; or Twilio's word where it gave none."""
    from flowctl.transports.twilio.codes import delivery_hint

    if not code.isdecimal():
        return f"no reason given ({code})"
    hint = delivery_hint(int(code))
    page = f"https://www.twilio.com/docs/api/errors/{code}"
    return f"{page} ({hint})" if hint else page


def _texts(number: int) -> str:
    return f"{number} text" if number == 1 else f"{number} texts"
