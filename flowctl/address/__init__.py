"""Addresses as leads have them, made into addresses that can be written to, or refused; and the one
form in which addresses are compared.

Pure: no DNS, no settings. The libraries that know phone numbers and email addresses are imported
where they are used, so that a command which needs no address does not load them.
"""

from flowctl.address.characters import bare
from flowctl.address.comparison import comparable, spellings
from flowctl.address.email import to_email
from flowctl.address.errors import AddressError, shown
from flowctl.address.mailbox import Mailbox, parse_mailbox
from flowctl.address.phone import calling_code, country_of, is_region, to_e164
from flowctl.model import Channel

__all__ = [
    "AddressError",
    "Mailbox",
    "bare",
    "calling_code",
    "channel_of",
    "comparable",
    "country_of",
    "is_region",
    "parse_mailbox",
    "spellings",
    "to_e164",
    "to_email",
]


def channel_of(address: str) -> Channel:
    """The channel that an address belongs to, by its looks; it still has to be checked.

    Raises AddressError for what is neither.
    """
    if "@" in address:
        return Channel.EMAIL
    if any(character.isdigit() for character in address):
        return Channel.TEXT
    raise AddressError(f"neither an email address nor a phone number: {shown(address)}")
