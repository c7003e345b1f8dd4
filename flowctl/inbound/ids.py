"""Which of our messages a mail may be about.

A message's id is a UUID that only its recipient's side has seen, in the places that an email of
ours carries it: the envelope sender (VERP), Message-ID, List-Unsubscribe, ENVID. The database says
in the end whether it is one of ours.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from flowctl.inbound.mime import Fields, Mail, MailPart, decoded, fields_of

_UUID = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])",
    re.IGNORECASE,
)
DELIVERED_TO = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "to",
)
"""Where the address that a mail was delivered to may stand."""
RETURNED_TYPES = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
)
_QUOTED_HEADER = re.compile(
    r"^[ \t>|]*(?:message-id|return-path|list-unsubscribe):(?:.*(?:\n[ \t>|]+.*){0,3})",
    re.IGNORECASE | re.MULTILINE,
)
_MOST = 20
"""Ids of one mail that are looked up: more are not there to be found."""


def in_envelope(mail: Mail) -> Iterator[UUID]:
    """Ids in the addresses that the mail was delivered to."""
    return _ids([*mail.envelope_recipients, *mail.headers.all(*DELIVERED_TO)])


def in_report(blocks: Sequence[Fields]) -> Iterator[UUID]:
    """Ids in the envelope id that a server gives back."""
    return _ids(block.get("original-envelope-id") for block in blocks)


def in_thread(mail: Mail) -> Iterator[UUID]:
    """Ids of the messages that the mail answers."""
    return _ids(mail.headers.all("in-reply-to", "references"))


def in_named_message(blocks: Sequence[Fields]) -> Iterator[UUID]:
    """Ids in the Message-ID that a receipt, or Gmail's report, names."""
    return _ids(v for b in blocks for v in b.all("original-message-id", "x-original-message-id"))


def in_returned(mail: Mail) -> Iterator[UUID]:
    """Ids in the returned message, or in its header where it stands in the text."""
    for part in mail.parts_of(*RETURNED_TYPES):
        yield from _in_headers(part)
    for part in mail.parts_of("text/plain"):
        yield from _ids(_QUOTED_HEADER.findall(part.text))


def in_sender_named(blocks: Sequence[Fields]) -> Iterator[UUID]:
    """Ids in the envelope sender that a report names."""
    return _ids(v for b in blocks for v in b.all("x-postfix-sender", "original-mail-from"))


def in_request(mail: Mail) -> Iterator[UUID]:
    """Ids in what an unsubscribe mail says."""
    text = "\n".join(part.text[:10_000] for part in mail.parts)
    return _ids([mail.subject, text])


def distinct(found: Iterable[UUID]) -> tuple[UUID, ...]:
    """The ids, each once, the first ones."""
    return tuple(dict.fromkeys(found))[:_MOST]


def _in_headers(part: MailPart) -> Iterator[UUID]:
    headers = fields_of(part.text)
    names = ("message-id", "return-path", "list-unsubscribe", "x-hmxmroriginalrecipient")
    return _ids(decoded(value) for value in headers.all(*names))


def _ids(texts: Iterable[str]) -> Iterator[UUID]:
    for text in texts:
        # in an envelope id a server may write any character as +XX (RFC 3461 section 4)
        for found in _UUID.findall(text.replace("+2D", "-").replace("+2d", "-")):
            yield UUID(found)
