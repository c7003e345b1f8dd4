"""Messages ready for a transport."""

from datetime import timedelta
from uuid import UUID

from flowctl.model import Channel, JsonObject, OutgoingMessage

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
