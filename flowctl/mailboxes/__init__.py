"""Where mail that came back is read: an IMAP mailbox, a Maildir, an mbox, standard input.

The rule of all of them: nothing is deleted, nothing is written into a mail, and of each at most
``inbound.mime.LIMIT`` bytes are read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredMail:
    """An unread mail, and the ``key`` by which its mailbox knows it.

    ``sender`` and ``recipients`` are the envelope's, where the mailbox knows more of it than the
    mail says: null and empty otherwise.
    """

    raw: bytes
    key: str = ""
    sender: str | None = None
    recipients: tuple[str, ...] = ()


class Mailbox(Protocol):
    """A place with mail in it."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def unread(self) -> Iterator[StoredMail]:
        """The mails that nobody has read. Raises ProviderStopped and InputError."""
        ...

    def mark_read(self, key: str) -> None:
        """Mark a mail as read; one that is gone meanwhile is no error. Raises ProviderStopped."""
        ...

    def close(self) -> None:
        """Let go of it; raises nothing."""
        ...
