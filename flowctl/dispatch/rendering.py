"""From a claimed message to one that can be handed over: address, subject, content.

Whatever is wrong with a lead or a template concerns that message alone.
"""

import re
from dataclasses import dataclass

from flowctl import template
from flowctl.address import AddressError, suppression_key, to_e164, to_email
from flowctl.model import Channel, JsonObject, OutgoingMessage
from flowctl.plaintext import html_to_text
from flowctl.settings import Settings
from flowctl.store.sends import Claimed, Intent
from flowctl.template import TemplateError

TEXT_LIMIT = 1600
"""Characters of a text message that Twilio takes (error 21617)."""

_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")
"""What a filter such as ``url_decode`` can make of a lead's data, and PostgreSQL does not take."""


class Unsendable(Exception):
    """This message cannot be sent; the text is the reason for ``error_message``."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A rendered message with the claim it came from and the intent to be written for it."""

    claimed: Claimed
    message: OutgoingMessage
    intent: Intent


def render_claimed(claimed: Claimed, channel: Channel, transport: str, settings: Settings) -> Ready:
    """Render a claimed message. Raises Unsendable."""
    lead = claimed.lead or {}
    recipient = recipient_of(lead, channel, settings)
    subject, text, html = render_content(claimed.subject, claimed.content or "", channel, lead)
    message = OutgoingMessage(
        id=claimed.id,
        lead_id=claimed.lead_id,
        channel=channel,
        recipient=recipient,
        subject=subject,
        text=text,
        html=html,
        valid_for=claimed.valid_for,
    )
    intent = Intent(
        id=claimed.id,
        channel=channel,
        transport=transport,
        lead_id=claimed.lead_id,
        flow_step=f"{claimed.flow}/{claimed.key}",
        recipient=recipient,
        address=suppression_key(channel, recipient),
        subject=subject,
        content=text if html is None else html,
        is_guarded=bool(claimed.is_guarded),
    )
    return Ready(claimed, message, intent)


def recipient_of(lead: JsonObject, channel: Channel, settings: Settings) -> str:
    """The lead's address on a channel, fit to be written to. Raises Unsendable."""
    column = "email" if channel is Channel.EMAIL else "phone"
    raw = lead.get(column)
    if raw is None or not str(raw).strip():
        raise Unsendable(f"lead has no {column}")
    try:
        if channel is Channel.EMAIL:
            return to_email(str(raw))
        return to_e164(str(raw), settings.default_region, settings.text_countries)
    except AddressError as error:
        raise Unsendable(str(error)) from error


def render_content(
    subject: str | None, content: str, channel: Channel, lead: JsonObject
) -> tuple[str | None, str, str | None]:
    """Subject, plain text and (where the content is HTML) HTML as the lead will read them.

    Whether content is HTML is the template's to say, never the lead's. Raises Unsendable.
    """
    is_html = channel is Channel.EMAIL and template.is_html(content)
    try:
        body = template.parse(content, is_html).render(lead)
        rendered_subject = (
            " ".join(template.parse(subject, html=False).render(lead).split())
            if subject is not None and channel is Channel.EMAIL
            else None
        )
    except TemplateError as error:
        raise Unsendable(f"template: {error}") from error
    if _NOT_TEXT.search(body) or _NOT_TEXT.search(rendered_subject or ""):
        raise Unsendable("template: the result holds a character that is no text (a zero byte)")
    if not body.strip():
        raise Unsendable("template: the content is empty for this lead")
    if channel is Channel.EMAIL and not rendered_subject:
        raise Unsendable("template: the subject is empty for this lead")
    if channel is Channel.TEXT and len(body) > TEXT_LIMIT:
        raise Unsendable(f"text is {len(body)} characters long, at most {TEXT_LIMIT} can be sent")
    return (
        (rendered_subject, html_to_text(body), body) if is_html else (rendered_subject, body, None)
    )
