"""What every email says, whichever way it goes out."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from flowctl import address
from flowctl.errors import InputError
from flowctl.sender import envelope_sender
from flowctl.text import CONTROL

PLACEHOLDERS = ("message_id", "lead_id", "email")
"""What ``EMAIL_UNSUBSCRIBE`` and ``EMAIL_HEADERS`` may name in braces."""

_OWN_HEADERS = frozenset({
    "bcc", "cc", "content-transfer-encoding", "content-type", "date", "from", "list-unsubscribe",
    "list-unsubscribe-post", "message-id", "mime-version", "received", "reply-to", "return-path",
    "sender", "subject", "to",
})  # fmt: skip
_PLACEHOLDER = re.compile(r"\{(message_id|lead_id|email)\}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,70}")
_LONGEST_VALUE = 900
"""Characters; a header's line may have 998 (RFC 5322 section 2.1.1)."""
_HEADERS_HINT = "write lines like X-Name: value, or a JSON object of strings"


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """The sender and the further headers.

    ``sender`` is null where ``EMAIL_FROM`` is not set. ``unsubscribe`` (mailto: and https: URIs)
    and the values of ``headers`` are templates with the names of ``PLACEHOLDERS`` in braces.
    ``return_path`` is the envelope sender, with ``{message_id}`` or not; null: that of From.
    """

    sender: address.Mailbox | None = None
    reply_to: address.Mailbox | None = None
    unsubscribe: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    return_path: str | None = None

    def unsubscribe_url(self, message_id: UUID | str, lead_id: str, email: str) -> str | None:
        """The https: address at which the recipient of a message unsubscribes, if there is one."""
        template = next((uri for uri in self.unsubscribe if uri.startswith("https:")), None)
        if template is None:
            return None
        values = {"message_id": str(message_id), "lead_id": lead_id, "email": email}
        return _PLACEHOLDER.sub(lambda found: quote(values[found[1]], safe=""), template)


def email_settings(values: Mapping[str, str]) -> EmailSettings:
    """Read the ``EMAIL_`` variables. Raises InputError, naming the one that is malformed."""
    return EmailSettings(
        sender=_mailbox(values, "EMAIL_FROM"),
        reply_to=_mailbox(values, "EMAIL_REPLY_TO"),
        unsubscribe=_unsubscribe(values.get("EMAIL_UNSUBSCRIBE", "")),
        headers=_headers(values.get("EMAIL_HEADERS", "")),
        return_path=_return_path(values.get("EMAIL_RETURN_PATH")),
    )


def _return_path(template: str | None) -> str | None:
    """One address of at most 64 octets before the @ with an id in it (RFC 5321, 4.5.3.1.1)."""
    if template is None:
        return None
    if re.search(r"[{}]", template.replace("{message_id}", "")):
        raise InputError(
            "EMAIL_RETURN_PATH has braces around an unknown name", hint="known is {message_id}"
        )
    try:
        envelope_sender(template, str(UUID(int=0)))
    except address.AddressError as error:
        raise InputError(
            f"EMAIL_RETURN_PATH is not one email address: {error}",
            hint="write it like bounces+{message_id}@example.com",
        ) from error
    return template


def _mailbox(values: Mapping[str, str], name: str) -> address.Mailbox | None:
    if name not in values:
        return None
    try:
        return address.parse_mailbox(values[name])
    except address.AddressError as error:
        raise InputError(
            f"{name} is not one email address: {error}",
            hint="write it like news@example.com or Acme News <news@example.com>",
        ) from error


def _unsubscribe(text: str) -> tuple[str, ...]:
    """One URI or several, with commas between, each in angle brackets or not (RFC 2369)."""
    parts = re.split(r"\s*,\s*(?=<|https?:|mailto:)", text.strip(", "))
    uris = tuple(part.strip("<> ") for part in parts if part)
    for uri in uris:
        if not re.fullmatch(r"(?:https://|mailto:[!-~]+@)[!-~]+", uri) or len(uri) > _LONGEST_VALUE:
            raise InputError(
                "EMAIL_UNSUBSCRIBE is neither an https: nor a mailto: address",
                hint="write it like https://example.com/unsubscribe?id={message_id}",
            )
        _check_placeholders("EMAIL_UNSUBSCRIBE", uri)
    if len({uri.partition(":")[0] for uri in uris}) < len(uris):
        raise InputError(
            "EMAIL_UNSUBSCRIBE has two addresses of one kind",
            hint="give a mailto: and an https: address, one or both, with a comma between",
        )
    return uris


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    pairs = _header_pairs(text)
    for name, value in pairs:
        if not _HEADER_NAME.fullmatch(name) or not value or len(value) > _LONGEST_VALUE:
            raise InputError("EMAIL_HEADERS holds what is not a header", hint=_HEADERS_HINT)
        if CONTROL.search(value):
            raise InputError(f"EMAIL_HEADERS: {name} holds a control character", hint=_HEADERS_HINT)
        if name.lower() in _OWN_HEADERS:
            raise InputError(f"EMAIL_HEADERS may not set {name}", hint="flowctl writes it itself")
        _check_placeholders("EMAIL_HEADERS", value)
    if len({name.lower() for name, _ in pairs}) < len(pairs):
        raise InputError("EMAIL_HEADERS names a header twice", hint=_HEADERS_HINT)
    return tuple(pairs)


def _header_pairs(text: str) -> list[tuple[str, str]]:
    """``Name: value`` lines, or a JSON object of strings."""
    if not text.startswith("{"):
        lines = [line.partition(":") for line in text.splitlines() if line.strip()]
        return [(name.strip(), value.strip()) for name, _, value in lines]
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise InputError("EMAIL_HEADERS is not JSON", hint=_HEADERS_HINT) from error
    if not all(isinstance(value, str) for value in parsed.values()):
        raise InputError("EMAIL_HEADERS holds a value that is not a string", hint=_HEADERS_HINT)
    return list(parsed.items())


def _check_placeholders(variable: str, template: str) -> None:
    known = [f"{{{name}}}" for name in PLACEHOLDERS]
    rest = re.sub("|".join(map(re.escape, known)), "", template)
    if "{" in rest or "}" in rest:
        raise InputError(
            f"{variable} has braces around an unknown name", hint=f"known are {', '.join(known)}"
        )
