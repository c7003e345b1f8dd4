"""Emails as bytes: the headers and bodies that RFC 5322, 2045 and 2047 ask for, built by hand.

The standard library's ``EmailMessage`` takes over a millisecond a message, more than everything
else a dispatcher does with it. Here the common case (short ASCII headers) is string formatting, and
the library's header encoder does the rest. Nothing that a lead or a template holds can end a
header: line breaks and other control characters become spaces there, and an address with any is
refused.

There is no Auto-Submitted and no Precedence: what they ask of an automatic responder (RFC 3834) the
List- headers ask as well, and a lead's answer is wanted.
"""

import base64
import binascii
import re
import zlib
from calendar import timegm
from datetime import datetime
from email.header import Header
from email.utils import formataddr, formatdate
from functools import lru_cache
from time import gmtime
from urllib.parse import quote

from flowctl.address import Mailbox, parse_mailbox
from flowctl.model import OutgoingMessage
from flowctl.sender import envelope_sender
from flowctl.settings import EmailSettings
from flowctl.text import CONTROL

NOBODY = Mailbox("flowctl@localhost.invalid", "flowctl")
"""The sender where none is set, for an outbox: RFC 2606 keeps the domain from ever existing."""

_NOT_7BIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_UTF8_ADDRESS = re.compile(r"[^\s\x00-\x20\x7f-\xa0\u2028\u2029()<>\[\]:;@\\,\"]+@[A-Za-z0-9.-]+")
_PLACEHOLDER = re.compile(r"\{(message_id|lead_id|email)\}")

_LINE = 76
"""Characters of a header's line that everything shows whole (RFC 5322 asks for at most 78)."""
_LONGEST_LINE = 998
"""Characters of a line that everything takes (RFC 5322 section 2.1.1)."""
_LONGEST_ADDRESS = 254
"""Characters of an address that fit an SMTP path (RFC 5321 section 4.5.3.1.3)."""


class Composer:
    """Writes emails; ``date`` is the Date of all, else each has its own."""

    def __init__(self, email_settings: EmailSettings, *, date: datetime | None = None) -> None:
        self._sender = email_settings.sender or NOBODY
        self._reply_to = email_settings.reply_to
        self._return_path = email_settings.return_path
        self._unsubscribe = ",\r\n ".join(f"<{uri}>" for uri in email_settings.unsubscribe)
        self._one_click = any(uri.startswith("https:") for uri in email_settings.unsubscribe)
        self._headers = email_settings.headers
        self._has_list_id = any(name.lower() == "list-id" for name, _ in self._headers)
        self._timestamp = None if date is None else date.timestamp()

    def message_id(self, message: OutgoingMessage) -> str:
        """The Message-ID with its angle brackets: the same on every attempt."""
        return f"<{message.sample_id or message.id}@{self._from(message).domain}>"

    def envelope_sender(self, message: OutgoingMessage) -> str:
        """Where a server sends it back to. Raises ValueError for a return path that is none."""
        return_path = (message.sender or {}).get("return_path") or self._return_path
        if return_path is None:
            return self._from(message).address
        return envelope_sender(str(return_path), str(message.id))

    def compose(self, message: OutgoingMessage) -> bytes:
        """The email as it goes over the wire, CRLF at the end of every line.

        All of it is ASCII, save for the To of an address with a non-ASCII local part (RFC 6532).
        Raises ValueError for a recipient or a flow's sender that is not exactly one address, and
        for a lead whose id makes the List-Unsubscribe address too long for a header.
        """
        reply_to = _own(message, "reply_to") or self._reply_to
        head = [
            _mailbox_header("From", self._from(message)),
            f"To: {_checked(message.recipient)}\r\n",
            header("Subject", message.subject or ""),
            # formatdate's own zone, -0000, says that the sender's clock is unknown (RFC 5322, 3.3).
            f"Date: {self._date()[:-5]}+0000\r\n",
            f"Message-ID: {self.message_id(message)}\r\n",
            "" if reply_to is None else _mailbox_header("Reply-To", reply_to),
        ]
        if self._unsubscribe or self._headers:
            head += self._further_headers(message)
        head.append("MIME-Version: 1.0\r\n")
        if message.html is None:
            return "".join((*head, _part("plain", message.text))).encode()
        text, html = _part("plain", message.text), _part("html", message.html)
        boundary = f"=_{message.id.hex}"
        while boundary in text or boundary in html:
            boundary += "_"
        opening = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
        parts = f"--{boundary}\r\n{text}\r\n--{boundary}\r\n{html}\r\n--{boundary}--\r\n"
        return "".join((*head, opening, parts)).encode()

    def _date(self) -> str:
        return _formatted(timegm(gmtime()) if self._timestamp is None else self._timestamp)

    def _from(self, message: OutgoingMessage) -> Mailbox:
        return _own(message, "email_from") or self._sender

    def _further_headers(self, message: OutgoingMessage) -> list[str]:
        values = {
            "message_id": str(message.id),
            "lead_id": message.lead_id,
            "email": message.recipient,
        }
        lines = []
        if self._unsubscribe:
            uris = _PLACEHOLDER.sub(lambda f: quote(values[f[1]], safe=""), self._unsubscribe)
            if max(map(len, uris.split("\r\n"))) > _LONGEST_LINE - _LINE:
                raise ValueError("the List-Unsubscribe address is too long for a header")
            lines.append(f"List-Unsubscribe: {uris}\r\n")
            if not self._has_list_id:  # without one SpamAssassin takes it for half a list
                lines.append(f"List-Id: <{_label(message.flow)}.{self._from(message).domain}>\r\n")
        if self._one_click:  # RFC 8058
            lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
        if message.sample_id is not None:  # an idempotency key may not be that of the last sample
            values["message_id"] = message.sample_id
        for name, template in self._headers:
            lines.append(header(name, _PLACEHOLDER.sub(lambda f: values[f[1]], template)))
        return lines


def _own(message: OutgoingMessage, key: str) -> Mailbox | None:
    """The address that the message's flow has of its own. Raises ValueError."""
    written = (message.sender or {}).get(key)
    return None if written is None else _parsed(str(written))


_parsed = lru_cache(maxsize=256)(parse_mailbox)
_formatted = lru_cache(maxsize=4)(formatdate)


def _label(flow: str | None) -> str:
    """A flow as the first label of a List-Id (RFC 2919): the name where that can be one."""
    name = (flow or "messages").lower()
    label = re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:48]
    return label if label == name else f"{label or 'flow'}-{zlib.crc32(name.encode()):08x}"


def header(name: str, value: str) -> str:
    """An unstructured header with its CRLF, folded and encoded as its value needs (RFC 2047).

    Control characters in the value, line separators among them, become spaces.
    """
    value = CONTROL.sub(" ", value)
    plain = value.isascii() and "=?" not in value and value == value.strip(" ")
    if plain and len(name) + 2 + len(value) <= _LINE:
        return f"{name}: {value}\r\n" if value else f"{name}:\r\n"
    if plain and max(map(len, value.split(" "))) < _LONGEST_LINE - _LINE:
        return "\r\n".join(_folded(name, value)) + "\r\n"
    encoded = Header(value, "utf-8", _LINE, name).encode(linesep="\r\n")
    return f"{name}: {encoded}\r\n"


def _folded(name: str, value: str) -> list[str]:
    """The header's lines, cut before spaces that a word follows; joined again they are one."""
    first, *words = re.findall(r" *[^ ]+", value)
    lines = [f"{name}: {first}"]
    for word in words:
        if len(lines[-1]) + len(word) > _LINE:
            lines.append(word)
        else:
            lines[-1] += word
    return lines


@lru_cache(maxsize=256)
def _mailbox_header(name: str, mailbox: Mailbox) -> str:
    if not mailbox.name:
        return f"{name}: {mailbox.address}\r\n"
    if mailbox.name.isascii() and "=?" not in mailbox.name:
        return f"{name}: {formataddr((mailbox.name, mailbox.address))}\r\n"
    encoded = Header(mailbox.name, "utf-8", _LINE, name).encode(linesep="\r\n")
    return f"{name}: {encoded}\r\n <{mailbox.address}>\r\n"


def _checked(recipient: str) -> str:
    """The one address: a list, a display name or a line break could mean somebody else as well."""
    if len(recipient) <= _LONGEST_ADDRESS and (
        _ADDRESS.fullmatch(recipient)
        or (not recipient.isascii() and _UTF8_ADDRESS.fullmatch(recipient))
    ):
        return recipient
    raise ValueError("the recipient is not one email address")


def _part(subtype: str, body: str) -> str:
    """A body with the headers of its own; it ends with a line break, given or added."""
    body = body.replace("\r\n", "\n").replace("\r", "\n") if "\r" in body else body
    body = body if body.endswith("\n") else body + "\n"
    text = body.replace("\n", "\r\n")
    if body.isascii() and not _NOT_7BIT.search(body) and not _has_long_line(body):
        encoding, content = "7bit", text
    else:
        encoding, content = _encoded(text.encode())
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n{content}"
    )


def _has_long_line(body: str) -> bool:
    return len(body) > _LONGEST_LINE and max(map(len, body.split("\n"))) > _LONGEST_LINE


def _encoded(body: bytes) -> tuple[str, str]:
    """The shorter of the two encodings of RFC 2045; quoted-printable, being readable, if equal."""
    quoted = binascii.b2a_qp(body)
    if len(quoted) <= len(body) * 4 // 3:
        return "quoted-printable", quoted.decode("ascii")
    return "base64", base64.encodebytes(body).replace(b"\n", b"\r\n").decode("ascii")
