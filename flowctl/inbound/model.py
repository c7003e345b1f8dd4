"""What a mail that came back turns out to be."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from flowctl.address import comparable
from flowctl.model import Channel


class MailKind(StrEnum):
    """What a mail is, in the order in which it is recognized."""

    COMPLAINT = "complaint"
    """A feedback report (RFC 5965): the recipient called our message spam."""
    REPORT = "report"
    """What became of a message on its way (RFC 3464, or the text of an older server)."""
    UNSUBSCRIBE = "unsubscribe"
    """A mail to the address of ``EMAIL_UNSUBSCRIBE``."""
    AUTOMATIC = "automatic"
    """An automatic reply, a receipt: it changes nothing, and is a sign of life."""
    PERSON = "person"
    """Everything else. It stays unread."""


class Verdict(StrEnum):
    """What a report says about one recipient."""

    HARD = "hard"
    """The mailbox does not exist: suppress at once."""
    NO_HOST = "no host"
    """The recipient's domain has no mail server: suppress at the second report."""
    SOFT = "soft"
    """Given up for a reason that may pass."""
    REFUSED = "refused"
    """The sender's fault: policy, spam, size. It says nothing about the mailbox."""
    DELAYED = "delayed"
    """Still being tried."""
    DELIVERED = "delivered"
    """Delivered, or relayed to a server that reports no more."""


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What a report says about one recipient.

    ``addresses`` are all the names that it gives the recipient, in lower case. ``code`` is the
    enhanced status code that decided (``5.1.1``), else the SMTP code (``550``), else empty;
    ``reason`` the server's words, in one line.
    """

    addresses: frozenset[str]
    verdict: Verdict
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """A mail as it was understood.

    ``message_ids`` are the ids that may be one of our messages, the likeliest first. ``sender`` is
    the address in From, in lower case. ``digest`` is the same however often, and by whichever way,
    the mail is read.
    """

    kind: MailKind
    digest: str
    message_ids: tuple[UUID, ...] = ()
    recipients: tuple[RecipientReport, ...] = ()
    sender: str = ""

    def report_on(self, address: str) -> RecipientReport | None:
        """What it says about the message that went to ``address``.

        A report with one block is about it whatever address that names: the recipient may forward
        his mail. Of several it is the one that names the address, else none.
        """
        if len(self.recipients) == 1:
            return self.recipients[0]
        named = comparable(Channel.EMAIL, address)
        return next(
            (
                one
                for one in self.recipients
                if any(comparable(Channel.EMAIL, other) == named for other in one.addresses)
            ),
            None,
        )
