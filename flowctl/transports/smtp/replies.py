"""What an SMTP server's replies mean for a message, as data.

Whose fault a refusal is, ``flowctl.smtpcodes`` tells; what follows from it depends on the stage
(RFC 5321 section 4.2 and 4.3.2).
"""

import re
from collections.abc import Iterable
from enum import IntEnum

from flowctl.model import Outcome, OutcomeKind
from flowctl.records import record
from flowctl.smtpcodes import Blame, Reason, enhanced_code, reason_of
from flowctl.text import one_line


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


@record
class Reply:
    """A server's reply; ``code`` is -1 for what is no SMTP reply."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """The code of RFC 3463, or nothing."""
        return enhanced_code(self.text)

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

    def without(self, secrets: Iterable[str]) -> "Reply":
        """The reply, should the server have said back what nobody may see."""
        text = self.text
        for secret in filter(None, secrets):
            text = text.replace(secret, "***")
        return Reply(self.code, text)


CLOSING = 421
"""The server closes the connection with this reply (RFC 5321 section 3.8)."""

_ABOUT_ONE = frozenset({Blame.SIZE, Blame.MESSAGE, Blame.MAILBOX, Blame.HOST, Blame.FULL})
"""What says nothing about the next message to somebody else."""
_BARE_RECIPIENT_CODES = frozenset({550, 551, 553})
"""At RCPT and without an enhanced code (RFC 5321 section 4.2.3)."""

_USED_UP = "4.5.3"
"""Too many recipients. One message of ours has one: it is the connection that had too many."""

_TOO_MANY_CONNECTIONS = re.compile(
    r"\b(?:too many|concurrent|maximum|max)\b.*\bconnections?\b|\bconnections?\b.*\blimit\b",
    re.IGNORECASE,
)

_BAD_HOST = "the server refuses this machine: check host and port in SMTP_URL"
_BAD_LOGIN = "check the user and the password in SMTP_URL"
_BAD_SENDER = "check EMAIL_FROM: the server refuses this sender"

HINTS = {
    Stage.CONNECT: "check host and port in SMTP_URL, and the firewall",
    Stage.GREETING: _BAD_HOST,
    Stage.HELLO: _BAD_HOST,
    Stage.TLS: "use smtps:// and its port in SMTP_URL if the server speaks TLS from the start",
    Stage.AUTH: _BAD_LOGIN,
    Stage.MAIL: _BAD_SENDER,
}
"""What to do about a channel that stopped at a stage."""


def judge(stage: Stage, reply: Reply, message_id: str | None = None) -> Outcome:
    """The outcome that a reply at a stage is. A positive one is only asked about at the end: then
    ``message_id`` is what the message is known by."""
    if stage is Stage.HANDED_OVER and reply.is_positive:
        code, detail = _code_and_detail(reply)
        return Outcome(OutcomeKind.ACCEPTED, code, detail, message_id)
    reason = reason_of(reply.text, reply.code)
    kind = _kind(stage, reply, reason.blame)
    is_refusal = kind in {OutcomeKind.REFUSED, OutcomeKind.SUPPRESSED}
    code, detail = _code_and_detail(reply)
    return Outcome(
        kind,
        code,
        detail,
        hint=_hint(stage, reason.blame) if kind is OutcomeKind.CHANNEL_STOPPED else "",
        blames_recipient=kind is OutcomeKind.REFUSED and _is_about_this_one(stage, reply, reason),
        is_suspect=is_refusal and reason.blame is not Blame.SIZE,
        is_unproven=kind is OutcomeKind.SUPPRESSED and not reason.is_coded,
    )


def is_used_up(stage: Stage, outcome: Outcome) -> bool:
    """Whether an outcome speaks of a connection that has served before, not of the message.

    Servers end a connection after so many messages in their own ways, most of them at MAIL.
    """
    if stage is Stage.MAIL:
        return outcome.kind is not OutcomeKind.REFUSED
    has_ended = outcome.code.startswith(str(CLOSING)) or outcome.code.endswith(_USED_UP)
    return stage < Stage.TEXT and has_ended


def is_one_too_many(stage: Stage, outcome: Outcome) -> bool:
    """Whether a new connection is one more than the server allows, which it says at MAIL only."""
    return (
        stage is Stage.MAIL
        and outcome.kind is OutcomeKind.DEFERRED
        and _TOO_MANY_CONNECTIONS.search(outcome.detail) is not None
    )


def _code_and_detail(reply: Reply) -> tuple[str, str]:
    """The codes and the words. A reply that is none has no code."""
    enhanced = reply.enhanced
    code = f"{reply.code} {enhanced}".strip() if reply.code > 0 else ""
    return code, one_line(reply.text.removeprefix(enhanced))


def _kind(stage: Stage, reply: Reply, blame: Blame) -> OutcomeKind:
    handed_over = stage is Stage.HANDED_OVER
    if stage <= Stage.AUTH:
        # Whatever is refused before MAIL concerns every message, even if only for the moment.
        return OutcomeKind.CHANNEL_STOPPED
    if not (reply.is_transient or reply.is_permanent):
        return OutcomeKind.UNKNOWN if handed_over else OutcomeKind.DEFERRED
    if blame in {Blame.SENDER, Blame.CLIENT}:
        return OutcomeKind.CHANNEL_STOPPED
    if reply.is_transient:
        return OutcomeKind.DEFERRED
    if blame is Blame.MAILBOX and stage is not Stage.MAIL:
        return OutcomeKind.SUPPRESSED
    is_about_message = blame in {Blame.SIZE, Blame.MESSAGE}
    if stage is Stage.MAIL and not is_about_message:
        return OutcomeKind.CHANNEL_STOPPED
    return OutcomeKind.REFUSED


def _is_about_this_one(stage: Stage, reply: Reply, reason: Reason) -> bool:
    """Whether a refusal concerns this message or its recipient, and says nothing about others."""
    if reason.blame in _ABOUT_ONE:
        return True
    if reason.blame is not Blame.UNCLEAR or stage is not Stage.RCPT:
        return False
    # Of what is left, only what is said of an address or a mailbox (RFC 3463 sections 3.2, 3.3).
    return reply.enhanced[2:4] in {"1.", "2."} or (
        not reply.enhanced and reply.code in _BARE_RECIPIENT_CODES
    )


def _hint(stage: Stage, blame: Blame) -> str:
    if stage <= Stage.AUTH:
        return HINTS[stage]
    if blame is Blame.CLIENT:
        return f"{_BAD_LOGIN}: the server does not know us"
    return _BAD_SENDER
