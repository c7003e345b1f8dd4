"""What a submission server of the tests does otherwise than usual, and the mail that it took."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Literal

USER = "ada@example.com"
PASSWORD = "pass word:ü@/%"  # noqa: S105 - of nobody

At = Literal[
    "connect", "ehlo", "helo", "starttls", "auth", "mail", "rcpt", "data", "text", "dot", "after"
]
"""When a move is made. ``text``: on the first line of the message; ``after``: on its acceptance."""


@dataclass(frozen=True, slots=True)
class Move:
    """What to do once, at the next such moment: say ``reply``, then go on, ``drop`` or ``hang``.

    Without a reply it says what it always says, or nothing when it drops or hangs; ``wait`` says it
    once ``release`` is called. ``accept`` is whether a message is kept, at the final dot.
    ``recipient`` narrows it to one, from RCPT on, and stands in the reply for ``{recipient}``.
    ``is_rule``: not once but always.
    """

    at: At
    reply: str | None = None
    ending: Literal["go on", "drop", "hang", "wait"] = "go on"
    accept: bool = False
    recipient: str | None = None
    is_rule: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """An accepted message."""

    sender: str
    recipient: str
    content: bytes
    options: str = ""
    user: str | None = None
    over_tls: bool = False
    recipient_options: str = ""

    @property
    def parsed(self) -> EmailMessage:
        """The message as a mail program reads it."""
        return message_from_bytes(self.content, policy=policy.default)
