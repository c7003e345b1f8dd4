"""What an SMTP server's replies mean for a message, as data.

Sources: RFC 5321 section 4.2 (codes and the stages they answer), RFC 3463 and the IANA registry
that continues it (enhanced codes), RFC 4954 section 6 (AUTH), RFC 3207 (STARTTLS), and the pages of
the large mailbox providers on 5.7.x.
"""

import re
from dataclasses import dataclass
from enum import IntEnum

from flowctl.model import Outcome, OutcomeKind
from flowctl.text import one_line

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")


class Stage(IntEnum):
    """How far a session or a message has come; the order is that of the protocol."""

    CONNECT = 1
    GREETING = 2
    HELLO = 3
    TLS = 4
    AUTH = 5
    MAIL = 6
    RCPT = 7
    DATA = 8
    TEXT = 9
    """The text is being written. Without its last byte no server takes it."""
    HANDED_OVER = 10
    """The final dot is written: from here on the message may have been accepted."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply; ``code`` is -1 for what is no SMTP reply."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """The code of RFC 3463 at the start of the text, or nothing."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else ""

    @property
    def is_positive(self) -> bool:
        """Whether the server did what it was asked to."""
        return 200 <= self.code < 300  # noqa: PLR2004 - the classes of RFC 5321

    @property
    def is_transient(self) -> bool:
        """Whether the same may succeed later."""
        return 400 <= self.code < 500  # noqa: PLR2004 - the classes of RFC 5321

    @property
    def is_permanent(self) -> bool:
        """Whether the server will not do it, ever."""
        return 500 <= self.code < 600  # noqa: PLR2004 - the classes of RFC 5321


CLOSING = 421
"""The server closes the connection with this reply (RFC 5321 section 3.8)."""

_LOGIN_WANTED = frozenset({530, 534, 535, 538})
"""RFC 4954: authentication required, too weak, refused, or only under encryption."""

_NO_SUCH_MAILBOX = frozenset({
    "5.1.1",   # bad destination mailbox address
    "5.1.2",   # bad destination system address: a domain that takes no mail
    "5.1.3",   # bad destination mailbox address syntax
    "5.1.6",   # mailbox has moved, no forwarding address
    "5.1.10",  # recipient address has a null MX (RFC 7505)
    "5.2.1",   # mailbox disabled, not accepting messages
})  # fmt: skip
"""The address will not take mail again. A full mailbox (5.2.2) is not among them."""

_ABOUT_THE_MESSAGE = re.compile(r"5\.(?:2\.3|3\.4|5\.\d+|6\.\d+)")
"""Too long for the mailbox or the system, or a parameter or an encoding that is refused."""

_ABOUT_THE_MAILBOX = re.compile(r"5\.[12]\.\d+")
_BARE_RECIPIENT_CODES = frozenset({550, 551, 553})
"""At RCPT and without an enhanced code (RFC 5321 section 4.2.3)."""
_TOO_LARGE = 552
"""RFC 1870 section 6.1."""

_RELAYING = re.compile(r"\brelay", re.IGNORECASE)
"""How servers say that they do not know us: the recipient is not to blame."""

HINTS = {
    Stage.CONNECT: "check host and port in SMTP_URL, and the firewall",
    Stage.GREETING: "the server refuses this machine: check host and port in SMTP_URL",
    Stage.HELLO: "the server refuses this machine: check host and port in SMTP_URL",
    Stage.TLS: "use smtps:// and its port in SMTP_URL if the server speaks TLS from the start",
    Stage.AUTH: "check the user and the password in SMTP_URL",
    Stage.MAIL: "check EMAIL_FROM: the server refuses this sender",
    Stage.RCPT: "check the user and the password in SMTP_URL: the server does not know us",
}
"""What to do about a channel that stopped at a stage."""


def judge(stage: Stage, reply: Reply) -> Outcome:
    """The outcome that a reply at a stage is. A positive one is only asked about at the end."""
    kind = _kind(stage, reply)
    stopped = kind is OutcomeKind.CHANNEL_STOPPED
    wants_login = reply.code in _LOGIN_WANTED
    return Outcome(
        kind,
        # A reply that is none has no code.
        code=f"{reply.code} {reply.enhanced}".strip() if reply.code > 0 else "",
        detail=one_line(reply.text.removeprefix(reply.enhanced)),
        hint=HINTS.get(Stage.AUTH if wants_login else stage, "") if stopped else "",
        blames_recipient=kind is OutcomeKind.REFUSED and _is_about_this_one(stage, reply),
    )


def _kind(stage: Stage, reply: Reply) -> OutcomeKind:
    if stage is Stage.HANDED_OVER and reply.is_positive:
        return OutcomeKind.ACCEPTED
    if not (reply.is_transient or reply.is_permanent):
        handed_over = stage is Stage.HANDED_OVER
        return OutcomeKind.UNKNOWN if handed_over else OutcomeKind.DEFERRED
    if reply.code == CLOSING:
        return OutcomeKind.DEFERRED
    if stage <= Stage.AUTH:
        # A refused login or TLS concerns every message, even if only for the moment (454).
        refused = reply.is_permanent or stage in {Stage.TLS, Stage.AUTH}
        return OutcomeKind.CHANNEL_STOPPED if refused else OutcomeKind.DEFERRED
    if reply.is_transient:
        return OutcomeKind.DEFERRED
    return _kind_of_refusal(stage, reply)


def _kind_of_refusal(stage: Stage, reply: Reply) -> OutcomeKind:
    if reply.code in _LOGIN_WANTED:
        return OutcomeKind.CHANNEL_STOPPED
    if stage is Stage.MAIL:
        this_one = _is_about_this_one(stage, reply)
        return OutcomeKind.REFUSED if this_one else OutcomeKind.CHANNEL_STOPPED
    if reply.enhanced in _NO_SUCH_MAILBOX:
        return OutcomeKind.SUPPRESSED
    if stage is Stage.RCPT and _RELAYING.search(reply.text):
        return OutcomeKind.CHANNEL_STOPPED
    # Also a bare 550, 551 or 553 at RCPT: it can be policy, and a wrong suppression is for good.
    return OutcomeKind.REFUSED


def _is_about_this_one(stage: Stage, reply: Reply) -> bool:
    """Whether a refusal concerns this message or its recipient, and says nothing about others."""
    if _ABOUT_THE_MESSAGE.fullmatch(reply.enhanced) or reply.code == _TOO_LARGE:
        return True
    if stage is Stage.MAIL:
        return False
    if not reply.enhanced:
        return stage is Stage.RCPT and reply.code in _BARE_RECIPIENT_CODES
    return _ABOUT_THE_MAILBOX.fullmatch(reply.enhanced) is not None
