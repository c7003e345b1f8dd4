"""The one form in which addresses are compared: with suppressions, with each other, with what is
typed.

It is computed by two functions that say the same: this one, and the database's
``flowctl.comparable_address``, since a CRM writes suppressions too. A test compares them over
thousands of addresses.
"""

import re
import unicodedata
from functools import lru_cache

from flowctl.address.characters import SPACE, plain, without_marks
from flowctl.address.numbering import SPREADSHEET_NUMBER, dialled_at_home, handset
from flowctl.address.phone import calling_code, parts
from flowctl.model import Channel

_EDGE = rf"""[{SPACE}"'\u2018\u2019\u201c\u201d\xab\xbb,;.]+"""
_EDGES = re.compile(f"^{_EDGE}|{_EDGE}$")
_BRACKETED = re.compile(r"<([^<>]+)>")
_SCHEME = re.compile(r"^mailto:", re.IGNORECASE)
_PLAIN_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&*+/=?^_{|}~-][A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]*[A-Za-z0-9]"
)

_ZERO = re.compile(r"\( *0 *\)")
_INTERNATIONAL = re.compile(r"^[^0-9]*\+")
_DIALLED = re.compile(r"^00(?=[1-9])")
_NO_DIGIT = re.compile(r"[^0-9]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORTEST = 5
"""Digits of a number: short codes have as few."""

_LAST_FOLDED = "\u1fff"


def comparable(channel: Channel, address: str) -> str | None:
    """The form in which an address is compared and stored in ``suppressions``, of any spelling.

    An email address in lower case and NFC, its domain in Unicode; a phone number in E.164, the one
    that stands for its handset, or bare digits where it does not say its country. Null for what is
    neither. It need not be an address that could be written to.
    """
    return _email(address) if channel is Channel.EMAIL else _phone(address)


@lru_cache(maxsize=4096)
def spellings(
    channel: Channel, recipient: str, default_region: str | None = None
) -> tuple[str, ...]:
    """Every form under which ``suppressions`` may have an address that is written to; the first is
    the one in which addresses are compared.

    A number that somebody suppressed as it is dialled at home, or without its plus, cannot be known
    from its digits alone; so the one that is to be sent to is looked for under these too: one as at
    home where it is of ``default_region``, or nobody said which region that is.
    """
    own = comparable(channel, recipient)
    if own is None:
        return ()
    if channel is Channel.EMAIL:
        return (own,)
    found = [own]
    for number in dict.fromkeys((own, recipient, *dialled_at_home(own))):
        found.append(number[1:])
        code, trunk, significant = parts(number)
        at_home = trunk + significant
        found.append(f"+{code}{at_home}")
        if default_region is None or code == calling_code(default_region):
            found += [significant, at_home]
    return tuple(dict.fromkeys(found))


def _email(address: str) -> str | None:
    if _PLAIN_EMAIL.fullmatch(address) and address.count("@") == 1 and "--" not in address:
        return address.lower()
    text = without_marks(address)
    bracketed = _BRACKETED.search(text)
    text = _EDGES.sub("", bracketed[1] if bracketed else text)
    text = _EDGES.sub("", _SCHEME.sub("", text))
    local, at, domain = text.rpartition("@")
    if not (local and at and domain):
        return None
    return f"{_fold(unicodedata.normalize('NFC', local))}@{_domain(domain)}"


def _domain(domain: str) -> str:
    """A domain in Unicode as UTS 46 maps it: compatibility forms, case, ideographic full stops."""
    mapped = _fold(unicodedata.normalize("NFKC", domain)).replace("\u3002", ".")
    return ".".join(map(_label, mapped.split(".")))


def _label(label: str) -> str:
    if not label.startswith("xn--") or label.endswith("-"):
        return label
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
        decoded.encode("utf-8")
    except (UnicodeError, OverflowError):
        return label
    return without_marks(_fold(unicodedata.normalize("NFKC", decoded))) or label


def _fold(text: str) -> str:
    """Lower case, letter by letter: of Latin, Greek, Cyrillic and what else lies below U+2000."""
    if text.isascii():
        return text.lower()
    return "".join(map(_lower, text)).replace("\u03c2", "\u03c3")


def _lower(character: str) -> str:
    lower = character.lower()
    return lower if len(lower) == 1 and character <= _LAST_FOLDED else character


def _phone(address: str) -> str | None:
    if _E164.fullmatch(address):
        return handset(address)
    text = _ZERO.sub("", SPREADSHEET_NUMBER.sub(r"\1", plain(without_marks(address))))
    digits = _NO_DIGIT.sub("", text)
    if len(digits) < _SHORTEST or "@" in text:
        return None
    short = _DIALLED.sub("", digits)
    if _INTERNATIONAL.match(text) or short != digits:
        return handset(f"+{short}")
    return digits
