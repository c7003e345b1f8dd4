"""A raw mail taken apart: header fields by name, and its parts as decoded text.

Python's ``email`` finds the boundaries. It may not look into the parts: of a delivery report that
is encoded in base64, or of type ``message/global-delivery-status``, it makes nothing that can be
used, and a returned message is no part of the mail that returns it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses

LIMIT = 1024 * 1024
"""Bytes of a mail that are read."""

_LONGEST_HEADER = 4000
"""Characters of an address or subject header that are looked at."""

_FOLD = re.compile(r"\r?\n[ \t]*|\r")
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?]*\?=")
_LINE_END = re.compile(r"<(?:br|/p|/div|/tr|/li)\b[^<>]{0,2000}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>@]{0,2000}>")
_FIELD = re.compile(r"(?P<name>[!-9;-~]+)[ \t]*:[ \t]*(?P<value>.*)")


class _Part(Message):
    """A part that the parser takes for text unless it is a multipart."""

    def get_content_type(self) -> str:
        declared = super().get_content_type()
        return declared if declared.startswith("multipart/") else "text/plain"

    def declared_type(self) -> str:
        """The content type as it is written, in lower case."""
        return super().get_content_type()


class Fields:
    """Header fields, or lines of the same form: by name in any case, unfolded."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = [(name.lower(), unfolded(value)) for name, value in pairs]

    def all(self, *names: str) -> list[str]:
        """The values of the fields of these names, name by name, each in the order written."""
        return [value for name in names for key, value in self._pairs if key == name]

    def get(self, name: str) -> str:
        """The first value of a field, or nothing."""
        return next(iter(self.all(name)), "")

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)


@dataclass(frozen=True, slots=True)
class MailPart:
    """A part that is no multipart: its type in lower case, and its decoded text with LF."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail taken apart.

    ``envelope_sender`` is null where nobody says what it was, and empty for the null return path.
    ``envelope_recipients`` are the addresses that it was delivered to, as far as they are known.
    """

    headers: Fields
    parts: tuple[MailPart, ...] = ()
    type: str = "text/plain"
    report_type: str = ""
    envelope_sender: str | None = None
    envelope_recipients: tuple[str, ...] = field(default=())

    @property
    def sender(self) -> str:
        """The address in From, in lower case."""
        found = getaddresses([self.headers.get("from")[:_LONGEST_HEADER]])
        return found[0][1].lower() if found else ""

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return decoded(self.headers.get("subject")[:_LONGEST_HEADER])

    def parts_of(self, *types: str) -> list[MailPart]:
        """The parts of these content types."""
        return [part for part in self.parts if part.type in types]

    @property
    def text(self) -> str:
        """What a person would read first: the plain text, else the HTML without its tags."""
        plain = "\n\n".join(part.text for part in self.parts_of("text/plain"))
        if plain.strip():
            return plain
        html = "\n\n".join(part.text for part in self.parts_of("text/html"))
        return _TAG.sub(" ", _LINE_END.sub("\n", html))


def take_apart(raw: bytes, *, sender: str | None = None, recipients: tuple[str, ...] = ()) -> Mail:
    """Take a mail apart, of which at most ``LIMIT`` bytes are read.

    ``sender`` and ``recipients`` are the envelope's, where whoever hands the mail over tells them.
    """
    message = BytesParser(_Part).parsebytes(raw[:LIMIT].lstrip(b"\r\n"))
    headers = Fields([(name, _text(value)) for name, value in message.raw_items()])
    return Mail(
        headers,
        tuple(_parts(message)),
        _declared_type(message),
        str(message.get_param("report-type", "")).lower(),
        _envelope_sender(headers, message.get_unixfrom(), sender),
        recipients,
    )


def fields_of(text: str) -> Fields:
    """The header fields at the beginning of a returned message, up to its first empty line."""
    return Fields(list(_pairs(text.strip("\n").partition("\n\n")[0])))


def blocks_of(text: str) -> list[Fields]:
    """The blocks of fields of a report, with empty lines between."""
    blocks = [Fields(list(_pairs(block))) for block in re.split(r"\n[ \t]*\n", text.strip())]
    return [block for block in blocks if len(block)]


def _pairs(block: str) -> Iterator[tuple[str, str]]:
    for line in re.sub(r"\n[ \t]+", " ", block).split("\n"):
        found = _FIELD.match(line)
        if found:
            yield found["name"], found["value"]


def unfolded(value: str) -> str:
    """A field's value in one line, its white space collapsed."""
    return " ".join(_FOLD.sub(" ", value).split())


def decoded(value: str) -> str:
    """A header's value without encoded words (RFC 2047); words side by side are joined."""
    if not _ENCODED_WORD.search(value):
        return value
    try:
        pieces = decode_header(value)
    except (ValueError, LookupError):
        return value
    return "".join(
        piece if isinstance(piece, str) else _decoded_bytes(piece, charset or "ascii")
        for piece, charset in pieces
    )


def _parts(message: _Part) -> Iterator[MailPart]:
    for part in message.walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            content = payload if isinstance(payload, bytes) else b""
            charset = str(part.get_param("charset", "utf-8"))
            text = _decoded_bytes(content, charset).replace("\r\n", "\n").replace("\r", "\n")
            yield MailPart(_declared_type(part), text)


def _declared_type(message: Message) -> str:
    return message.declared_type() if isinstance(message, _Part) else message.get_content_type()


def _envelope_sender(headers: Fields, unix_from: str | None, given: str | None) -> str | None:
    """What the envelope said: given, else the Return-Path, else the ``From `` line of an mbox."""
    if given is not None:
        return given.strip("<> ").lower()
    if "return-path" in headers:
        return headers.get("return-path").strip("<> ").lower()
    words = (unix_from or "").split()
    if len(words) > 1:
        return "" if words[1].lower() in {"mailer-daemon", "<>", "-"} else words[1].lower()
    return None


def _text(value: object) -> str:
    """A raw header: the parser keeps bytes that are not ASCII as lone surrogates."""
    return str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _decoded_bytes(content: bytes, charset: str) -> str:
    """The text of bytes: UTF-8 where they are that, whatever is declared, else as declared."""
    wide = charset.lower().startswith(("utf-16", "utf-32"))
    for encoding in (charset, "utf-8") if wide else ("utf-8", charset):
        try:
            return content.decode(encoding)
        except (LookupError, ValueError):
            continue
    return content.decode("utf-8", "replace")
