"""The addresses that may be written to, where not every lead's may: in a staging set-up, say."""

import re
from dataclasses import dataclass

from flowctl.address import AddressError, comparable, to_e164, to_email
from flowctl.errors import InputError
from flowctl.model import Channel

_NAME = "FLOWCTL_ONLY_TO"
_ANYBODY_AT = "*@"
_HINT = "write addresses, *@example.com and numbers with commas between them"


@dataclass(frozen=True, slots=True)
class OnlyTo:
    """Addresses, numbers and domains (without their subdomains), each in the form to compare by."""

    addresses: frozenset[str]
    domains: frozenset[str]

    def allows(self, address: str) -> bool:
        """Whether an address, in the form in which suppressions have it, may be written to."""
        return address in self.addresses or address.rpartition("@")[2] in self.domains


def only_to(value: str | None, default_region: str | None) -> OnlyTo | None:
    """Read the variable; null where it is not set. Raises InputError for what is malformed.

    A value that names nobody is malformed, too: it must not mean everybody.
    """
    if value is None:
        return None
    addresses, domains = set(), set()
    for entry in filter(None, re.split(r"\s*[,;\n]\s*", value)):
        try:
            if entry.startswith(_ANYBODY_AT):
                domains.add(_key(f"anybody@{entry.removeprefix(_ANYBODY_AT)}").rpartition("@")[2])
            elif "@" in entry:
                addresses.add(_key(entry))
            else:
                number = to_e164(entry, default_region, None)
                addresses.add(str(comparable(Channel.TEXT, number)))
        except AddressError as error:
            raise InputError(f"{_NAME}: {error}", hint=_HINT) from error
    if not addresses and not domains:
        raise InputError(f"{_NAME} names no address", hint=_HINT)
    return OnlyTo(frozenset(addresses), frozenset(domains))


def _key(address: str) -> str:
    return str(comparable(Channel.EMAIL, to_email(address)))
