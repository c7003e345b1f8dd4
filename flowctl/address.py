"""Addresses as leads have them, made into addresses that can be written to, or refused.

Pure: no DNS, no settings. The libraries that know phone numbers and email addresses are imported
where they are used, so that a command which needs no address does not load them.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from flowctl.model import Channel

_PHONE_CHARACTERS = re.compile(
    r"[+0-9A-Za-z().\-/\s;=,#*\u2010-\u2015\u2212\uff0b\uff0d\u00a0]{1,60}"
)
_MAILBOX = re.compile(r"(?:(?P<name>[^<>]*)<(?P<bracketed>[^<>]*)>|(?P<bare>[^<>]*))")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

NOWHERE = "001"
"""The region of numbers that belong to no country (satellite, premium, freephone): never texted."""


class AddressError(ValueError):
    """An address that cannot be written to; the text is the reason, fit for ``error_message``."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An email address with the name shown beside it; the address is ASCII, its domain too."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        """What follows the @."""
        return self.address.rpartition("@")[2]


def to_e164(raw: str, default_region: str | None, countries: frozenset[str] | None) -> str:
    """A phone number as people write it, in E.164.

    ``default_region`` (an ISO country) reads national numbers; without one they are refused.
    ``countries``, if given, are the only ones allowed. A number is taken when its length is
    possible in its country: numbering plans change faster than any list of them. Raises
    AddressError.
    """
    return _to_e164(raw, default_region, countries)


@lru_cache(maxsize=4096)
def _to_e164(raw: str, default_region: str | None, countries: frozenset[str] | None) -> str:
    import phonenumbers

    shown = _shown(raw)
    if not _PHONE_CHARACTERS.fullmatch(raw.strip()):
        raise AddressError(f"phone number is not valid: {shown}")
    try:
        number = phonenumbers.parse(raw, default_region)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise AddressError(
                f"phone number has no country: {shown} "
                "(write it with +, or set FLOWCTL_DEFAULT_REGION)"
            ) from error
        raise AddressError(f"phone number is not valid: {shown}") from error
    if number.extension:
        raise AddressError(f"phone number has an extension, which cannot get texts: {shown}")
    if not phonenumbers.is_possible_number(number):
        raise AddressError(f"phone number is not valid: {shown}")
    region = phonenumbers.region_code_for_number(number)
    if region is None:
        region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    if region == NOWHERE:
        raise AddressError(f"phone number belongs to no country: {shown}")
    if countries is not None and region not in countries:
        raise AddressError(f"texts to {region} are not allowed (FLOWCTL_TEXT_COUNTRIES)")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=4096)
def to_email(raw: str) -> str:
    """One email address, checked and normalised, its domain in ASCII (RFC 5891).

    The local part may be non-ASCII (RFC 6531): the server must then know SMTPUTF8. Lists, display
    names, quoted local parts and control characters are refused. Raises AddressError.
    """
    import email_validator

    try:
        found = email_validator.validate_email(raw.strip(" "), check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        reason = str(error).rstrip(".")
        raise AddressError(f"email address is not valid: {_shown(raw)} ({reason})") from error
    if found.ascii_email is not None:
        return found.ascii_email
    return f"{found.local_part}@{found.ascii_domain}"


def suppression_key(channel: Channel, address: str) -> str:
    """The form in which an address that was checked is compared and stored in ``suppressions``."""
    return address.lower() if channel is Channel.EMAIL else address


def channel_of(address: str) -> Channel:
    """The channel that an address belongs to, by its looks; it still has to be checked.

    Raises AddressError for what is neither.
    """
    if "@" in address:
        return Channel.EMAIL
    if any(character.isdigit() for character in address):
        return Channel.TEXT
    raise AddressError(f"neither an email address nor a phone number: {_shown(address)}")


def is_region(code: str) -> bool:
    """Whether the code is an ISO 3166 country that has phone numbers."""
    import phonenumbers

    return code in phonenumbers.SUPPORTED_REGIONS


def calling_code(region: str) -> str:
    """The digits with which an international number of the country begins: ``44`` for GB."""
    import phonenumbers

    return str(phonenumbers.country_code_for_region(region))


def parse_mailbox(raw: str) -> Mailbox:
    """``name@example.com`` or ``Display Name <name@example.com>``, quotes around the name or not.

    The address must have an ASCII local part; a domain in other scripts becomes ASCII. Raises
    AddressError.
    """
    text = raw.strip()
    if _CONTROL.search(text):
        raise AddressError("it holds a control character")
    found = _MAILBOX.fullmatch(text)
    if found is None:
        raise AddressError("its angle brackets do not match")
    address = (found["bare"] if found["bracketed"] is None else found["bracketed"]).strip()
    local_part, at, domain = address.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii") if at else ""
    except UnicodeError as error:
        raise AddressError("what follows the @ is not a domain") from error
    if not _LOCAL_PART.fullmatch(local_part) or not _DOMAIN.fullmatch(domain):
        raise AddressError("it is not of the form name@example.com")
    name = (found["name"] or "").strip()
    quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', name)
    return Mailbox(f"{local_part}@{domain}", re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else name)


def _shown(raw: str) -> str:
    """An address as it may appear in an error message: one line, not too long."""
    return _CONTROL.sub(" ", raw)[:80]
