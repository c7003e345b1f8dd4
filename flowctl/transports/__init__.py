"""How a message leaves: one transport per channel, each mapping its provider's answers to outcomes.

The rule of all transports: whatever a provider or the network does comes back as an
``Outcome``, never as an exception. What can have been accepted is ``UNKNOWN``, and only what
certainly was not may be tried again.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flowctl.errors import InputError
from flowctl.model import Channel
from flowctl.settings import EmailSettings, Settings, SmtpSettings
from flowctl.transports.ondemand import Emails, Texts
from flowctl.transports.protocols import ManyAtOnce, Prepared, TextLookup, Transport

if TYPE_CHECKING:
    from flowctl.transports.smtp import SmtpTransport
    from flowctl.transports.twilio import TwilioTransport

__all__ = [
    "ManyAtOnce",
    "Prepared",
    "TextLookup",
    "Transport",
    "text_lookup_for",
    "transport_for",
]


def transport_for(channel: Channel, settings: Settings, *, concurrency: int) -> Transport | None:
    """The transport of a channel, for that many sends at once; null where it is not configured.

    Raises InputError for settings that turn out to be unusable, such as a missing CA file.
    """
    if channel is Channel.TEXT:
        return _texts(settings)
    if settings.smtp is None:
        return None
    if settings.email.sender is None:
        raise InputError("EMAIL_FROM is not set", hint="set it to the sender of all emails")
    return Emails(channel, _smtp_maker(settings.smtp, settings.email, concurrency))


def text_lookup_for(settings: Settings) -> TextLookup | None:
    """Whom to ask about texts; null where no provider of texts is configured."""
    return _texts(settings)


def _smtp_maker(
    smtp: SmtpSettings, email: EmailSettings, concurrency: int
) -> Callable[[], "SmtpTransport"]:
    def make() -> "SmtpTransport":
        from flowctl.transports.smtp import SmtpTransport

        return SmtpTransport(smtp, email, concurrency=concurrency)

    if smtp.cafile is None:
        return make
    made = make()  # now it is known whether the file can be read
    return lambda: made


def _texts(settings: Settings) -> Texts | None:
    twilio = settings.twilio
    if twilio is None:
        return None

    def make() -> "TwilioTransport":
        from flowctl.transports.twilio import TwilioTransport

        return TwilioTransport(twilio)

    return Texts(Channel.TEXT, make)
