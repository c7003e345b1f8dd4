"""Taking the mail that came back: each once, recorded in one transaction with all that it does.

A mail is marked only after that, so that a run which dies loses nothing; the next one finds its
digest and only marks it. What no message of ours is known for stays as it is, and so does what a
person wrote.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum

from flowctl.database import Connection, translated
from flowctl.errors import InputError
from flowctl.inbound.model import MailKind, RecipientReport, ReturnedMail, Verdict
from flowctl.inbound.reading import Addresses, read
from flowctl.mailboxes import Mailbox
from flowctl.store import returned_mail as store
from flowctl.store.returned_mail import RecordedMail, ReturnedMessage
from flowctl.text import one_line

MOST_ADDRESSES = 50
MOST_OF_EMAILS = 0.05
"""More addresses than both, suppressed for bounces in 24 hours, are taken for a broken mail server,
which makes everybody unknown; the second is a share of the emails sent in them."""

_STATUS = {
    Verdict.HARD: "bounced",
    Verdict.NO_HOST: "bounced",
    Verdict.SOFT: "bounced",
    Verdict.REFUSED: "refused",
    Verdict.DELAYED: "delayed",
    Verdict.DELIVERED: "delivered",
}


class Fate(StrEnum):
    """What became of a mail that was read."""

    BOUNCED = "bounced"
    REFUSED = "refused"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    REPLIED = "replied"
    """A person answered: recorded, and left unread."""
    AUTOMATIC = "automatic"
    TAKEN = "taken"
    """It was recorded before."""
    LEFT = "left"
    """Not about a message of ours, or a person's: left as it is."""
    HELD = "held"
    """It would suppress one address too many: left as it is."""


_STAY_UNREAD = frozenset({Fate.REPLIED, Fate.LEFT, Fate.HELD})


@dataclass(slots=True)
class MailResult:
    """What a reconciliation found in the mail.

    ``fates``: how many mails became what; ``suppressed``: the addresses, ``bounced_addresses`` of
    them for bounces; ``found``: unknown outcomes that turned out sent.
    """

    fates: Counter[Fate] = field(default_factory=Counter)
    suppressed: list[str] = field(default_factory=list)
    bounced_addresses: int = 0
    found: int = 0

    @property
    def bounced(self) -> int:
        """Messages given up for good."""
        return self.fates[Fate.BOUNCED]

    @property
    def refused(self) -> int:
        """Messages refused for the sender's fault."""
        return self.fates[Fate.REFUSED]

    @property
    def delayed(self) -> int:
        """Messages still being tried."""
        return self.fates[Fate.DELAYED]

    @property
    def delivered(self) -> int:
        """Messages reported as delivered."""
        return self.fates[Fate.DELIVERED]

    @property
    def complained(self) -> int:
        """Complaints."""
        return self.fates[Fate.COMPLAINED]

    @property
    def unsubscribed(self) -> int:
        """Requests for no more."""
        return self.fates[Fate.UNSUBSCRIBED]

    @property
    def replied(self) -> int:
        """Answers of people."""
        return self.fates[Fate.REPLIED]

    @property
    def held(self) -> int:
        """Mails left because of too many suppressions."""
        return self.fates[Fate.HELD]

    @property
    def left(self) -> int:
        """Mails that are about nothing of ours."""
        return self.fates[Fate.LEFT]


class _TooMany(Exception):
    """One more address would be suppressed than a run may."""


def reconcile_mail(
    connection: Connection,
    mailbox: Mailbox,
    addresses: Addresses,
    *,
    may_suppress_many: bool = False,
    is_dry_run: bool = False,
) -> MailResult:
    """Take the unread mail of a mailbox.

    Where too many addresses would be suppressed for bounces, none of them is, and their mails are
    held, unless ``may_suppress_many``. A dry run changes nothing, neither here nor there.

    Raises ProviderStopped, InputError and DatabaseUnavailable; what was recorded before stays.
    """
    mails = [
        (one.key, read(one.raw, addresses, sender=one.sender, recipients=one.recipients))
        for one in mailbox.unread()
    ]
    may_suppress = may_suppress_many or not _are_too_many(connection, [m for _, m in mails])
    recorder = MailRecorder(connection, may_suppress=may_suppress)
    with connection.transaction(force_rollback=True) if is_dry_run else nullcontext():
        for key, mail in mails:
            fate = recorder.take(mail)
            if not (is_dry_run or mail.kind is MailKind.PERSON or fate in _STAY_UNREAD):
                mailbox.mark_read(key)
    return recorder.result


def _are_too_many(connection: Connection, mails: Sequence[ReturnedMail]) -> bool:
    """Whether taking all these mails would suppress too many addresses in 24 hours for bounces."""
    before, sent = store.suppressed_lately(connection)
    suspects = sum(mail.kind is MailKind.REPORT and bool(mail.message_ids) for mail in mails)
    if before + suspects <= MOST_ADDRESSES:
        return False
    trial = MailRecorder(connection)
    with connection.transaction(force_rollback=True):
        for mail in mails:
            trial.take(mail)
    after = before + trial.result.bounced_addresses
    return after > before and after > MOST_ADDRESSES and after > MOST_OF_EMAILS * sent


class MailRecorder:
    """Records mails one by one. Without ``may_suppress`` those that would suppress an address for a
    bounce are held."""

    def __init__(self, connection: Connection, *, may_suppress: bool = True) -> None:
        self.result = MailResult()
        self._connection = connection
        self._may_suppress = may_suppress

    def take(self, mail: ReturnedMail) -> Fate:
        """Record a mail with all that it does, or nothing of it. Raises DatabaseUnavailable."""
        counted = replace(self.result, suppressed=[*self.result.suppressed])
        try:
            with translated(), self._connection.transaction():
                fate = self._taken(mail)
        except _TooMany:
            self.result, fate = counted, Fate.HELD
        except InputError:  # of an address that the database does not take
            self.result, fate = counted, Fate.LEFT
        self.result.fates[fate] += 1
        return fate

    def _taken(self, mail: ReturnedMail) -> Fate:
        message = None
        if mail.message_ids:
            message = store.find_returned(self._connection, mail.message_ids)
        if message is None or message.recipient is None or not message.went_out:
            if mail.kind is MailKind.UNSUBSCRIBE:
                return self._unsubscribed_by_sender(mail)
            return Fate.LEFT
        match mail.kind:
            case MailKind.REPORT:
                return self._reported(mail, message, message.recipient)
            case MailKind.COMPLAINT:
                return self._complained(mail, message, message.recipient)
            case MailKind.UNSUBSCRIBE:
                return self._unsubscribed(mail, message, message.recipient)
            case MailKind.AUTOMATIC:
                return Fate.AUTOMATIC if self._is_new(mail, message) else Fate.TAKEN
            case MailKind.PERSON:
                return self._replied(mail, message)

    def _reported(self, mail: ReturnedMail, message: ReturnedMessage, address: str) -> Fate:
        report = mail.report_on(address)
        if not self._is_new(mail, message, report):
            return Fate.TAKEN
        if report is None:  # of several recipients behind an alias: nothing about ours
            return Fate.AUTOMATIC
        status = _STATUS[report.verdict]
        reason = one_line(report.reason or report.code or report.verdict)
        store.update_email_delivery(
            self._connection, message, status, report.code, f"not delivered: {reason}"
        )
        if report.verdict is Verdict.HARD or (
            report.verdict in {Verdict.NO_HOST, Verdict.SOFT}
            and store.is_given_up(self._connection, address, report.verdict)
        ):
            self._suppress(address, reason, "bounce", message)
        return Fate(status)

    def _complained(self, mail: ReturnedMail, message: ReturnedMessage, address: str) -> Fate:
        if not self._is_new(mail, message):
            return Fate.TAKEN
        store.update_email_delivery(self._connection, message, "complained", "", "")
        self._suppress(address, "complained of spam", "complaint", message)
        return Fate.COMPLAINED

    def _unsubscribed(self, mail: ReturnedMail, message: ReturnedMessage, address: str) -> Fate:
        if not self._is_new(mail, message):
            return Fate.TAKEN
        self._suppress(address, "unsubscribed by mail", "unsubscribe", message)
        return Fate.UNSUBSCRIBED

    def _unsubscribed_by_sender(self, mail: ReturnedMail) -> Fate:
        """Without an id: whose From is a lead's address, or one that was written to."""
        if not mail.sender or not store.is_known_email(self._connection, mail.sender):
            return Fate.LEFT
        if not self._is_new(mail, None, address=mail.sender):
            return Fate.TAKEN
        self._suppress(mail.sender, "unsubscribed by mail", "unsubscribe", None)
        return Fate.UNSUBSCRIBED

    def _replied(self, mail: ReturnedMail, message: ReturnedMessage) -> Fate:
        if not self._is_new(mail, message):
            return Fate.TAKEN
        store.stop_replied(self._connection, message)
        return Fate.REPLIED

    def _is_new(
        self,
        mail: ReturnedMail,
        message: ReturnedMessage | None,
        report: RecipientReport | None = None,
        *,
        address: str | None = None,
    ) -> bool:
        """Remember the mail, if it was not taken before. That it came proves that the message went
        out."""
        is_new = store.add_returned_mail(
            self._connection,
            RecordedMail(
                digest=mail.digest,
                kind=mail.kind,
                verdict=None if report is None else report.verdict,
                code=None if report is None else report.code,
                message=message,
                address=address if message is None else message.recipient,
            ),
        )
        if is_new and message is not None and not message.is_sent:
            self.result.found += store.mark_returned_sent(self._connection, message)
        return is_new

    def _suppress(
        self, address: str, reason: str, source: str, message: ReturnedMessage | None
    ) -> None:
        message_id = None if message is None else message.id
        if store.suppress_returned(self._connection, address, reason, source, message_id):
            if source == "bounce":
                if not self._may_suppress:
                    raise _TooMany
                self.result.bounced_addresses += 1
            self.result.suppressed.append(address)
        if message is not None:
            # who complains or asks for no more means all of it; a bounce is about one address
            bounced = address if source == "bounce" else None
            store.cancel_emails_of_lead(self._connection, message.lead_id, bounced)
        if source == "unsubscribe":
            store.cancel_emails_to(self._connection, address)
