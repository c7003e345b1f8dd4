"""How a message leaves: one transport per channel, each mapping its provider's answers to outcomes.

The rule of all transports: whatever a provider or the network does comes back as an
``Outcome``, never as an exception. What can have been accepted is ``UNKNOWN``, and only what
certainly was not may be tried again.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol, runtime_checkable

from flowctl.model import Channel, Outcome, OutgoingMessage, TextRecord
from flowctl.settings import Settings


class Transport(Protocol):
    """Hands messages of one channel to a provider; safe to use from many threads at once."""

    @property
    def channel(self) -> Channel:
        """The channel that it serves."""
        ...

    def send(self, message: OutgoingMessage) -> Outcome:
        """Hand over one message. Raises nothing that a provider or a network can cause."""
        ...

    def stop(self) -> None:
        """Hand over nothing that has not begun: the run ends. Safe to call in a signal handler."""
        ...

    def close(self) -> None:
        """Let go of connections; nothing may be sent afterwards."""
        ...


@runtime_checkable
class TextLookup(Protocol):
    """Asks the provider what became of texts. Raises ProviderStopped when it gives no answer."""

    def find(self, recipient: str, since: datetime) -> list[TextRecord]:
        """The texts to a number that the provider has had since a moment, newest first.

        A text accepted a few seconds ago may be missing: lists lag behind.
        """
        ...

    def recent(self, since: datetime) -> Iterator[TextRecord | None]:
        """All texts since a moment, sent and received, newest first; page by page.

        What the list holds and cannot be read is null.
        """
        ...

    def close(self) -> None:
        """Let go of connections; nothing may be asked afterwards."""
        ...


def transport_for(channel: Channel, settings: Settings, *, concurrency: int) -> Transport | None:
    """The transport of a channel, for that many sends at once; null where it is not configured.

    Raises InputError for settings that turn out to be unusable, such as a missing CA file.
    """
    if channel is Channel.EMAIL and settings.smtp is not None:
        from flowctl.transports.smtp import SmtpTransport

        return SmtpTransport(settings.smtp, settings.email, concurrency=concurrency)
    if channel is Channel.TEXT and settings.twilio is not None:
        from flowctl.transports.twilio import TwilioTransport

        return TwilioTransport(settings.twilio)
    return None


def text_lookup_for(settings: Settings) -> TextLookup | None:
    """Whom to ask about texts; null where no provider of texts is configured."""
    if settings.twilio is None:
        return None
    from flowctl.transports.twilio import TwilioTransport

    return TwilioTransport(settings.twilio)
