"""``flowctl reconcile``: what became of messages after they were sent."""

import sys
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowctl.cli import show
from flowctl.cli.options import Json
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import duration
from flowctl.errors import FlowctlError, NeedsAttention, TryLater, UsageError
from flowctl.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowctl.mailboxes import Mailbox
    from flowctl.reconcile.mail import MailResult
    from flowctl.reconcile.run import Reconciliation
    from flowctl.reconcile.texts import ReconcileResult as TextsResult
    from flowctl.settings import Settings

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the command line says."""

    maildir: Path | None
    mbox: Path | None
    since: timedelta
    yes: bool
    dry_run: bool


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile")(reconcile)


def reconcile(
    ctx: typer.Context,
    *,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="-", help="-: one mail on standard input, from a mail server's alias."
        ),
    ] = None,
    since: Annotated[
        timedelta,
        typer.Option(parser=duration, metavar="TIME", help="Look at texts of the last so long."),
    ] = "3d",  # type: ignore[assignment]  # typer parses it
    maildir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Read this Maildir, not MAILBOX_URL.", show_default=False),
    ] = None,
    mbox: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read this mbox, not MAILBOX_URL.", show_default=False),
    ] = None,
    replies: Annotated[
        bool, typer.Option("--replies", help="List the replies that were not understood.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report, and change nothing.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Suppress bounced addresses however many they are.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Report off a terminal too when all went well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask what became of messages, and who opted out.

    Twilio is asked about texts sent lately, and for STOP and START replies; the mail that came back
    is read from MAILBOX_URL, a Maildir, an mbox, or standard input (-). Exits with 1 where messages
    turned out undelivered. From cron, once an hour: flowctl reconcile
    """
    if source not in {None, STANDARD_INPUT}:
        raise UsageError(
            f"{source!r} is not -", hint="a folder is --maildir DIR, a file --mbox FILE"
        )
    if sum(one is not None for one in (source, maildir, mbox)) > 1:
        raise UsageError("give one of -, --maildir and --mbox")
    wanted = _Wanted(maildir, mbox, since, yes=yes, dry_run=dry_run)
    result = _handed_over(ctx, wanted) if source == STANDARD_INPUT else _reconciled(ctx, wanted)
    if as_json:
        show.json_document(_document(result, with_replies=replies))
    elif (
        verbose or replies or dry_run or sys.stdout.isatty() or (result.undelivered and not source)
    ):
        _report_texts(result.texts, with_replies=replies)
        _report_mail(result.mail)
    if source != STANDARD_INPUT:
        _raise_for(result)


def _reconciled(ctx: typer.Context, wanted: _Wanted) -> "Reconciliation":
    from flowctl.reconcile.run import reconcile as use_case
    from flowctl.store import identity

    settings = session_of(ctx).settings
    with open_database(ctx, must_be_named=True, is_quiet=show.is_unattended()) as connection:
        identity.require_original(connection)
        return use_case(
            connection,
            settings,
            _opener(settings, wanted),
            since=wanted.since,
            may_suppress_many=wanted.yes,
            is_dry_run=wanted.dry_run,
        )


def _handed_over(ctx: typer.Context, wanted: _Wanted) -> "Reconciliation":
    """Take one mail in a mail server's language: whatever goes wrong, it is to keep the mail."""
    from flowctl.mailboxes.handed_over import HandedOver
    from flowctl.reconcile.run import reconcile_handed_over
    from flowctl.store import identity

    try:
        settings = session_of(ctx).settings
        mailbox = HandedOver(sys.stdin.buffer, session_of(ctx).process_environ)
        with open_database(ctx, must_be_named=True, is_quiet=show.is_unattended()) as connection:
            identity.require_original(connection)
            return reconcile_handed_over(
                connection,
                settings,
                mailbox,
                may_suppress_many=wanted.yes,
                is_dry_run=wanted.dry_run,
            )
    except FlowctlError as error:
        raise TryLater(error.message, hint=error.hint, details=error.details) from error
    except Exception as error:
        raise TryLater(f"internal error: {type(error).__name__}", hint="report it") from error


def _opener(settings: "Settings", wanted: _Wanted) -> "Callable[[], Mailbox] | None":
    """How the mailbox that was named is opened, else that of ``MAILBOX_URL``."""
    from flowctl.mailboxes.imap import ImapMailbox
    from flowctl.mailboxes.maildir import Maildir
    from flowctl.mailboxes.mbox import Mbox

    if wanted.maildir is not None:
        return partial(Maildir, wanted.maildir)
    if wanted.mbox is not None:
        return partial(Mbox, wanted.mbox)
    return None if settings.mailbox is None else partial(ImapMailbox, settings.mailbox)


def _document(result: "Reconciliation", *, with_replies: bool) -> dict[str, Any]:
    texts, mail = result.texts, result.mail
    document = {
        **asdict(texts),
        "not_understood": texts.not_understood,
        "suppressed": [*texts.suppressed, *mail.suppressed],
        "found": texts.found + mail.found,
        "replied": texts.replied + mail.replied,
        "bounced": mail.bounced,
        "refused": mail.refused,
        "delayed": mail.delayed,
        "delivered_emails": mail.delivered,
        "complained": mail.complained,
        "unsubscribed": mail.unsubscribed,
        "held": mail.held,
        "left_unread": mail.left,
    }
    if not with_replies:
        del document["replies"]
    return document


def _report_texts(done: "TextsResult", *, with_replies: bool) -> None:
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


def _report_mail(mail: "MailResult") -> None:
    if not mail.fates:
        return
    show.line(
        f"{mail.fates.total()} mails read: {mail.bounced} bounced, {mail.refused} refused, "
        f"{mail.delayed} delayed, {mail.delivered} delivered, {mail.complained} complaints, "
        f"{mail.unsubscribed} unsubscribed, {mail.replied} replies, {mail.left} left unread"
    )
    for address in mail.suppressed:
        show.line(f"suppressed: {address}")
    if mail.found:
        show.line(f"unknown outcomes: {mail.found} emails were sent")


def _raise_for(result: "Reconciliation") -> None:
    """What stopped a part of it comes first, then what a person should look at."""
    for failure in result.failures:
        raise failure
    if result.mail.held:
        raise NeedsAttention(
            f"{plural(result.mail.held, 'mail')} would suppress too many addresses: left as found",
            hint="a broken mail server makes everybody unknown; if they are right: "
            "flowctl reconcile --yes",
        )
    if result.undelivered:
        raise NeedsAttention(
            f"{plural(result.undelivered, 'message')} not delivered",
            hint="flowctl messages list --undelivered",
        )
