"""A step and a lead made into what can be sent: address, subject, content.

Whatever is wrong with a lead or a template concerns that message alone.
"""

import re
from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

from flowctl import template
from flowctl.address import AddressError, bare, to_e164, to_email
from flowctl.model import BAD_ADDRESS, NO_ADDRESS, Channel, JsonObject
from flowctl.settings import Settings
from flowctl.template.context import TemplateContext
from flowctl.template.markup import is_html, keeps_lines, lines_to_breaks
from flowctl.zones import zone_info

TEXT_LIMIT = 1600
"""Characters of a text message that Twilio takes (error 21617)."""

_SURROGATE = re.compile(r"[\ud800-\udfff]")


class CannotSend(Exception):
    """This message cannot be sent; the text is the reason for ``error_message``."""


class CannotAddress(CannotSend):
    """The lead has no address for the message, or none that can be written to.

    ``cause`` is the word of ``message_logs.cause``: the message is pending again once the lead's
    address has changed.
    """

    def __init__(self, reason: str, cause: str) -> None:
        super().__init__(reason)
        self.cause = cause


def recipient_of(lead: JsonObject, channel: Channel, settings: Settings) -> str:
    """The lead's address on a channel, fit to be written to. Raises CannotAddress."""
    column = "email" if channel is Channel.EMAIL else "phone"
    raw = lead.get(column)
    if raw is None or not bare(str(raw)):
        raise CannotAddress(f"lead has no {column}", NO_ADDRESS)
    try:
        if channel is Channel.EMAIL:
            return to_email(str(raw))
        return to_e164(str(raw), settings.default_region, settings.text_countries)
    except AddressError as error:
        raise CannotAddress(str(error), BAD_ADDRESS) from error


def template_context(
    lead: JsonObject, zone: str | None, now: datetime, *, unsubscribe_url: str | None = None
) -> TemplateContext:
    """What templates see of a lead at a moment; a zone that the tzdata package lacks is UTC."""
    try:
        known = zone_info(zone or "UTC")
    except ZoneInfoNotFoundError:
        known = zone_info("UTC")
    return TemplateContext(lead, now=now, zone=known, unsubscribe_url=unsubscribe_url)


def render_content(
    subject: str | None,
    content: str,
    channel: Channel,
    context: TemplateContext,
    *,
    content_format: str | None = None,
) -> tuple[str | None, str, str | None]:
    """Subject, plain text and (where the content is HTML) HTML as the lead will read them.

    Whether content is HTML is ``content_format``'s to say, else the template's, never the lead's;
    what was written in lines, with a tag for emphasis, keeps them. Raises CannotSend.
    """
    is_page = channel is Channel.EMAIL and is_html(content, content_format)
    try:
        body = template.parse(content, is_page).render(context)
        rendered_subject = (
            " ".join(template.parse(subject, html=False).render(context).split())
            if subject is not None and channel is Channel.EMAIL
            else None
        )
    except template.TemplateError as error:
        raise CannotSend(f"template: {error}") from error
    if not (_is_text(body) and _is_text(rendered_subject or "")):
        raise CannotSend("template: the result holds a character that is not text (a zero byte)")
    if not body.strip():
        raise CannotSend("template: the content is empty for this lead")
    if channel is Channel.EMAIL and not rendered_subject:
        raise CannotSend("template: the subject is empty for this lead")
    if channel is Channel.TEXT and len(body) > TEXT_LIMIT:
        raise CannotSend(f"text is {len(body)} characters long, at most {TEXT_LIMIT} can be sent")
    if not is_page:
        return rendered_subject, body, None
    if content_format is None and keeps_lines(content):
        body = lines_to_breaks(body)
    from flowctl.plaintext import (
        html_to_text,  # with a parser that a run of plain texts does without
    )

    return rendered_subject, html_to_text(body), body


def _is_text(rendered: str) -> bool:
    """Whether PostgreSQL takes it: a filter such as ``url_decode`` can make other things of a
    lead's data."""
    return "\0" not in rendered and (rendered.isascii() or not _SURROGATE.search(rendered))
