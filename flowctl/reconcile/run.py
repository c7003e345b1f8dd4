"""One reconciliation: the texts, then the mail. What stops one of them does not stop the other."""

from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, unquote

from flowctl.database import Connection
from flowctl.errors import FlowctlError, InputError, ProviderStopped, TryLater
from flowctl.inbound.reading import Addresses
from flowctl.mailboxes import Mailbox
from flowctl.model import Channel
from flowctl.reconcile import texts
from flowctl.reconcile.mail import MailResult, reconcile_mail
from flowctl.reconcile.texts import ReconcileResult as TextsResult
from flowctl.settings import Settings
from flowctl.transports import text_lookup_for


@dataclass(slots=True)
class Reconciliation:
    """What a reconciliation found; ``failures`` say why a part of it ended early."""

    texts: TextsResult = field(default_factory=TextsResult)
    mail: MailResult = field(default_factory=MailResult)
    failures: list[FlowctlError] = field(default_factory=list)

    @property
    def undelivered(self) -> int:
        """How many messages turned out undelivered, for whoever's fault."""
        return sum(self.texts.undelivered.values()) + self.mail.bounced + self.mail.refused


def reconcile(
    connection: Connection,
    settings: Settings,
    open_mailbox: Callable[[], Mailbox] | None,
    *,
    since: timedelta,
    may_suppress_many: bool = False,
    is_dry_run: bool = False,
) -> Reconciliation:
    """Ask Twilio about the texts sent ``since`` so long ago, where it is configured, and take the
    mail of a mailbox, where there is one.

    Raises DatabaseUnavailable, and InputError where there is neither.
    """
    provider = text_lookup_for(settings)
    if provider is None and open_mailbox is None:
        raise InputError(
            "neither Twilio nor a mailbox is configured",
            hint=f"set {', '.join(settings.missing[Channel.TEXT])}; or set MAILBOX_URL, or give "
            "--maildir DIR, --mbox FILE or -",
        )
    result = Reconciliation()
    if provider is not None:
        rolled_back = connection.transaction(force_rollback=True) if is_dry_run else nullcontext()
        try:
            with closing(provider), rolled_back:
                result.texts = texts.reconcile(connection, provider, since, settings)
        except ProviderStopped as error:
            result.failures.append(error)
    if open_mailbox is not None:
        try:
            with closing(open_mailbox()) as mailbox:
                result.mail = reconcile_mail(
                    connection, mailbox, addresses_of(settings),
                    may_suppress_many=may_suppress_many, is_dry_run=is_dry_run,
                )  # fmt: skip
        except (ProviderStopped, InputError) as error:
            result.failures.append(error)
    return result


def reconcile_handed_over(
    connection: Connection,
    settings: Settings,
    mailbox: Mailbox,
    *,
    may_suppress_many: bool = False,
    is_dry_run: bool = False,
) -> Reconciliation:
    """Take the one mail that a mail server hands over.

    Raises TryLater where too many addresses would be suppressed, and DatabaseUnavailable: the mail
    is then to be kept.
    """
    mail = reconcile_mail(
        connection,
        mailbox,
        addresses_of(settings),
        may_suppress_many=may_suppress_many,
        is_dry_run=is_dry_run,
    )
    if mail.held:
        raise TryLater(
            "too many addresses would be suppressed in 24 hours",
            hint="a broken mail server makes everybody unknown; if they are right: --yes",
        )
    return Reconciliation(mail=mail)


def addresses_of(settings: Settings) -> Addresses:
    """The addresses that mail comes back to."""
    head = settings.email
    unsubscribe = []
    for uri in head.unsubscribe:
        if uri.startswith("mailto:"):
            address, _, query = uri.removeprefix("mailto:").partition("?")
            subject = next(iter(parse_qs(query).get("subject", [])), "")
            unsubscribe.append((unquote(address), subject.partition("{")[0]))
    senders = (head.sender, head.reply_to)
    return Addresses(
        tuple(unsubscribe), frozenset(one.address.lower() for one in senders if one is not None)
    )
