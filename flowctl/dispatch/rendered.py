"""A claimed message made ready to be handed over."""

from flowctl.address import spellings
from flowctl.model import Channel, ContentFormat, JsonObject, OutgoingMessage
from flowctl.records import record
from flowctl.rendering import recipient_of, render_content, template_context
from flowctl.settings import Settings
from flowctl.store.dispatch import ClaimedMessage, Intent


@record
class RenderedMessage:
    """A rendered message with the claim it came from and the intent to be written for it."""

    claimed: ClaimedMessage
    message: OutgoingMessage
    intent: Intent


class Withheld(Exception):
    """``FLOWCTL_ONLY_TO`` does not name the recipient: the message waits."""


def render_claimed(
    claimed: ClaimedMessage,
    channel: Channel,
    transport: str,
    settings: Settings,
    *,
    sender: JsonObject | None = None,
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
    return RenderedMessage(claimed, message, _intent(claimed, message, transport, addresses))


def _intent(
    claimed: ClaimedMessage,
    message: OutgoingMessage,
    transport: str,
    addresses: tuple[str, ...],
) -> Intent:
    return Intent(
        id=claimed.id,
        channel=message.channel,
        transport=transport,
        lead_id=claimed.lead_id,
        flow_step=f"{claimed.flow}/{claimed.key}",
        recipient=message.recipient,
        addresses=addresses,
        subject=message.subject,
        content=message.text if message.html is None else message.html,
        format=_format_of(message),
        is_guarded=bool(claimed.is_guarded),
        has_earlier=claimed.has_earlier,
    )


def _format_of(message: OutgoingMessage) -> ContentFormat | None:
    if message.channel is not Channel.EMAIL:
        return None
    return ContentFormat.TEXT if message.html is None else ContentFormat.HTML
