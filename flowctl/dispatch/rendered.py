"""A claimed message made ready to be handed over."""

from collections.abc import Callable

from flowctl.address import spellings
from flowctl.model import Channel, JsonObject, OutgoingMessage
from flowctl.records import record
from flowctl.rendering import recipient_of, render_content, template_context
from flowctl.settings import Settings
from flowctl.store.intents import ClaimedMessage, Intent, intent_of
from flowctl.transports import Prepared


@record
class RenderedMessage:
    """A rendered message with the claim it came from and the intent to be written for it.

    ``prepared`` is what a transport that takes many at once made of it, null for the others.
    """

    claimed: ClaimedMessage
    message: OutgoingMessage
    intent: Intent
    prepared: Prepared | None = None


class Withheld(Exception):
    """``FLOWCTL_ONLY_TO`` does not name the recipient: the message waits."""


def render_claimed(
    claimed: ClaimedMessage,
    channel: Channel,
    transport: str,
    settings: Settings,
    *,
    sender: JsonObject | None = None,
    prepare: Callable[[OutgoingMessage], Prepared] | None = None,
) -> RenderedMessage:
    """Render a claimed message; ``sender`` is its flow's own. Raises CannotSend and Withheld."""
    lead = claimed.lead or {}
    recipient = recipient_of(lead, channel, settings)
    addresses = spellings(channel, recipient, settings.default_region)
    if settings.only_to is not None and not settings.only_to.allows(addresses[0]):
        raise Withheld
    assert claimed.claimed_at is not None  # noqa: S101  # null only for what is not claimed
    context = template_context(
        lead,
        claimed.zone,
        claimed.claimed_at,
        unsubscribe_url=settings.email.unsubscribe_url(claimed.id, claimed.lead_id, recipient),
    )
    subject, text, html = render_content(
        claimed.subject, claimed.content or "", channel, context, content_format=claimed.format
    )
    message = OutgoingMessage(
        id=claimed.id,
        lead_id=claimed.lead_id,
        channel=channel,
        recipient=recipient,
        subject=subject,
        text=text,
        html=html,
        valid_for=claimed.valid_for,
        flow=claimed.flow,
        sender=sender,
    )
    intent = intent_of(claimed, message, transport=transport, addresses=addresses)
    prepared = None if prepare is None else prepare(message)
    return RenderedMessage(claimed, message, intent, prepared)
