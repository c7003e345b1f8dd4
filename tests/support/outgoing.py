"""Messages ready for a transport, and transports ready for them."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from flowctl.model import Channel, JsonObject, Outcome, OutgoingMessage
from flowctl.settings import Settings, TwilioSettings
from flowctl.transports import Transport, transport_for
from flowctl.transports.smtp import SmtpTransport
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_server import TwilioServer

MakeServer = Callable[..., SmtpServer]
Connect = Callable[..., SmtpTransport]

AN_ID = UUID("11111111-2222-4333-8444-555555555555")


def a_text(
    recipient: str = "+14155550123",
    text: str = "Hi Ada",
    *,
    valid_for: timedelta | None = None,
    sender: JsonObject | None = None,
) -> OutgoingMessage:
    """A text to a lead."""
    return OutgoingMessage(
        AN_ID, "lead-1", Channel.TEXT, recipient, None, text, valid_for=valid_for, sender=sender
    )


def an_email(
    recipient: str = "ada@example.com",
    subject: str | None = "Welcome, Ada",
    text: str = "Hello Ada,\nwelcome.\n",
    *,
    html: str | None = None,
    lead_id: str = "lead-1",
    message_id: UUID = AN_ID,
    flow: str | None = "nurture",
    sender: JsonObject | None = None,
) -> OutgoingMessage:
    """An email to a lead."""
    return OutgoingMessage(
        message_id, lead_id, Channel.EMAIL, recipient, subject, text, html, flow=flow, sender=sender
    )


def send_to(url: str) -> Outcome:
    """Send an email by the server of the URL, with what ``transport_for`` makes of it."""
    settings = Settings.from_env({"SMTP_URL": url, "EMAIL_FROM": "news@acme.example"})
    transport: Transport | None = transport_for(Channel.EMAIL, settings, concurrency=1)
    assert transport is not None
    assert transport.channel is Channel.EMAIL
    outcome = transport.send(an_email())
    transport.close()
    return outcome


def twilio_settings(twilio: TwilioServer, **changes: str) -> TwilioSettings:
    """What a user sets for that server."""
    settings = Settings.from_env({**twilio.environ, **changes}).twilio
    assert settings is not None
    return settings
