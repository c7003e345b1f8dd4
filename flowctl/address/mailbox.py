"""Mailboxes as settings have them: an address with the name shown beside it."""

import re
from dataclasses import dataclass

from flowctl.address.errors import AddressError
from flowctl.text import CONTROL

_MAILBOX = re.compile(r"(?:(?P<name>[^<>]*)<(?P<bracketed>[^<>]*)>|(?P<bare>[^<>]*))")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*")
_PLAIN_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*")
"""Nothing to convert: Python's tables of other scripts take longer to load than most modules."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An email address with the name shown beside it; the address is ASCII, its domain too."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        """What follows the @."""
        return self.address.rpartition("@")[2]


def parse_mailbox(raw: str) -> Mailbox:
    """``name@example.com`` or ``Display Name <name@example.com>``, quotes around the name or not.

    The address must have an ASCII local part; a domain in other scripts becomes ASCII. Raises
    AddressError.
    """
    text = raw.strip()
    if CONTROL.search(text):
        raise AddressError("it holds a control character")
    found = _MAILBOX.fullmatch(text)
    if found is None:
        raise AddressError("its angle brackets do not match")
    address = (found["bare"] if found["bracketed"] is None else found["bracketed"]).strip()
    local_part, at, domain = address.rpartition("@")
    try:
        if at and not _PLAIN_DOMAIN.fullmatch(domain):
            domain = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise AddressError("what follows the @ is not a domain") from error
    if not _LOCAL_PART.fullmatch(local_part) or not _DOMAIN.fullmatch(domain):
        raise AddressError("it is not of the form name@example.com")
    name = (found["name"] or "").strip()
    quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', name)
    return Mailbox(f"{local_part}@{domain}", re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else name)
