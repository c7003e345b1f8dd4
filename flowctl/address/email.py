"""Email addresses that can be written to."""

import re
from functools import lru_cache

from flowctl.address.characters import bare, unquoted
from flowctl.address.errors import AddressError, shown

_SEEN_THROUGH = re.compile(r"[\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Marks that no address holds. The joiners U+200C and U+200D are part of domains (RFC 5892)."""

_PLAIN = re.compile(
    r"(?=.{6,254}$)(?P<local>[a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]+)*)"
    r"@(?P<domain>(?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})",
    re.IGNORECASE | re.ASCII,
)
"""Addresses whose verdict needs no library: most."""

_LOCAL_LIMIT = 64
"""Octets of a local part (RFC 5321 section 4.5.3.1.1)."""

_RESERVED = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})
"""Domains that no mail goes to (RFC 6761): email-validator says why."""


@lru_cache(maxsize=4096)
def to_email(raw: str) -> str:
    """One email address, checked and normalised, its domain in ASCII (RFC 5891).

    White space, invisible marks and a pair of quotes around it are no part of it. The local part
    may be non-ASCII (RFC 6531): the server must then know SMTPUTF8. Lists, display names, quoted
    local parts and control characters are refused. Raises AddressError.
    """
    text = raw
    found = _PLAIN.fullmatch(raw)
    if not found:
        text = unquoted(bare(raw))
        found = _PLAIN.fullmatch(text)
    if found and len(found["local"]) <= _LOCAL_LIMIT:
        domain = found["domain"].lower()
        if domain.rpartition(".")[2] not in _RESERVED:
            return f"{found['local']}@{domain}"
    return _checked(_SEEN_THROUGH.sub("", text), raw)


def _checked(text: str, raw: str) -> str:
    """What email-validator says of the address."""
    import email_validator

    try:
        found = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        reason = str(error).rstrip(".")
        raise AddressError(f"email address is not valid: {shown(raw)} ({reason})") from error
    if found.ascii_email is not None:
        return found.ascii_email
    return f"{found.local_part}@{found.ascii_domain}"
