"""The addresses in Twilio's list of texts: numbers, short codes, names, and those of channels.

A channel stands before the address: ``rcs:+14155550123``, ``whatsapp:+14155550123``
(https://www.twilio.com/docs/messaging/api/message-resource). RCS is how a text to a phone number
may travel, so such an address is the number; the other channels have lists of their own.
"""

import re

RCS = "rcs:"

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_REACHED_BY_TEXT = re.compile(rf"(?:{RCS})?({_NUMBER.pattern})", re.IGNORECASE)


def is_phone_number(address: str | None) -> bool:
    """Whether it is a phone number in E.164, and no short code, name or messaging service."""
    return _NUMBER.fullmatch(address or "") is not None


def phone_number(address: object) -> str | None:
    """The phone number of an address; null for what is none, or not reached by text."""
    found = _REACHED_BY_TEXT.fullmatch(address.strip()) if isinstance(address, str) else None
    return None if found is None else found[1]
