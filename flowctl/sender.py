"""Who a flow's messages come from: ``flows.sender``, checked more closely than by the database."""

import re
from collections.abc import Iterator, Mapping

from flowctl.address import AddressError, parse_mailbox

SENDER_KEYS = ("email_from", "reply_to", "return_path", "text_from")

_TEXT_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|MG[0-9a-fA-F]{32}")
_AN_ID = "00000000-0000-4000-8000-000000000000"
_LONGEST_LOCAL_PART = 64
"""Octets, RFC 5321 section 4.5.3.1.1."""


def envelope_sender(template: str, message_id: str) -> str:
    """A return path for one message. Raises AddressError for what cannot be one."""
    address = template.replace("{message_id}", message_id)
    found = parse_mailbox(address)
    if found.name or found.address.partition("@")[0] != address.partition("@")[0]:
        raise AddressError("it is not of the form name@example.com")
    if len(found.address.rpartition("@")[0]) > _LONGEST_LOCAL_PART:
        raise AddressError(f"what stands before the @ is longer than {_LONGEST_LOCAL_PART}")
    return found.address


def sender_mistakes(sender: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """Each key whose value cannot be used, what is wrong with it, and what is expected."""
    expected = {
        "email_from": "Ana <ana@example.com>",
        "reply_to": "ana@example.com",
        "return_path": "bounces+{message_id}@example.com",
        "text_from": "a number such as +12125550100, or a messaging service MG...",
    }
    for key, value in sender.items():
        if key not in expected:
            yield key, "unknown key", " or ".join(SENDER_KEYS)
        elif not isinstance(value, str):
            yield key, "is not a text", expected[key]
        elif (problem := _problem(key, value)) is not None:
            yield key, problem, expected[key]


def _problem(key: str, value: str) -> str | None:
    if key == "text_from":
        is_good = _TEXT_SENDER.fullmatch(value)
        return None if is_good else f"{value!r} is neither a number nor a messaging service"
    try:
        if key == "return_path":
            envelope_sender(value, _AN_ID)
        else:
            parse_mailbox(value)
    except AddressError as error:
        return f"{value!r}: {error}"
    return None
