"""A cell as its column stores it: phones in E.164, one email address, times, numbers, yes or no."""

import re
from collections.abc import Callable
from datetime import datetime

from flowctl.address import AddressError, to_e164, to_email
from flowctl.leadfile import dates
from flowctl.leadfile.cells import clean, shown
from flowctl.leadfile.columns import Column, Kind
from flowctl.leadfile.dates import DateError, Order
from flowctl.leadfile.rejects import unguard


class ValueRefused(ValueError):
    """A cell that its column cannot take; the text says why, and quotes the cell."""


_PHONE_PREFIX = re.compile(r"(?i)(?:p|ph|tel|phone|whatsapp|sms|callto|mobile)\s?:(?://)?\s*")
_EXPONENT = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+?\d+")
_FLOAT = re.compile(r"(\+?\d{5,})[.,]0+")
_SECOND_NUMBER = re.compile(
    r"(?:\d\D{0,3}){6,}\s*(?:[/;,|&\n]|\bor\b|\boder\b|\bu\.)\s*\+?(?:\d\D{0,3}){6,}"
)
_BARE = re.compile(r"\+[0-9]+|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+")
"""An address with nothing around it: most."""

_MAILTO = re.compile(r"(?i)mailto:\s*")
_NAMED = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>")
_INTEGER = re.compile(r"([+-]?\d+)(?:\.0+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)

_YES = """
    true t yes y on 1 1.0 1,0 wahr ja j vrai oui o si sí verdadero sim verdadeiro vero waar sant tak
    да истина"""
_NO = """
    false f no n off 0 0.0 0,0 falsch nein faux non falso não nao onwaar nee falskt nej nei nie
    нет ложь"""
_BOOLEANS = dict.fromkeys(_YES.split(), "true") | dict.fromkeys(_NO.split(), "false")
_TIMES = frozenset({Kind.TIMESTAMP, Kind.INSTANT})


def address_text(cell: str) -> str:
    """An address without what spreadsheets and other systems write around it: ``p:+1...``,
    ``="0171..."``, ``12125550100.0``, ``mailto:a@b``, ``Name <a@b>``.

    Raises ValueRefused for a number of which a spreadsheet kept only the first digits.
    """
    if _BARE.fullmatch(cell):
        return cell
    text = _unquoted(cell)
    if "@" in text:
        if _MAILTO.match(text):
            text = _MAILTO.sub("", text, count=1).partition("?")[0]
        if named := _NAMED.fullmatch(text):
            text = _MAILTO.sub("", named[1], count=1)
        return clean(text)
    text = clean(_PHONE_PREFIX.sub("", text, count=1))
    if _EXPONENT.fullmatch(text):
        raise ValueRefused(f"{shown(cell)} was rounded by a spreadsheet: write all its digits")
    whole = _FLOAT.fullmatch(text)
    return whole[1] if whole else text


def phone(cell: str, region: str | None) -> str:
    """A phone number in E.164, without what spreadsheets and other systems write around it.

    Raises ValueRefused.
    """
    text = address_text(cell)
    if _SECOND_NUMBER.search(text):
        raise ValueRefused(f"{shown(cell)} is more than one phone number")
    try:
        return to_e164(text, region, None)
    except AddressError as error:
        if re.match(r"00[1-9]", text):
            try:
                return to_e164("+" + text[2:], None, None)
            except AddressError:
                pass
        raise ValueRefused(_reason(cell, "a phone number", error)) from error


def email(cell: str) -> str:
    """The one address of a cell, as it is written there. Raises ValueRefused."""
    text = address_text(cell)
    try:
        to_email(text)
    except AddressError as error:
        raise ValueRefused(_reason(cell, "an email address", error)) from error
    return text


def boolean(cell: str) -> str:
    """``true`` or ``false``. Raises ValueRefused."""
    found = _BOOLEANS.get(cell.casefold())
    if found is None:
        raise ValueRefused(f"{shown(cell)} is neither yes nor no")
    return found


def integer(cell: str) -> str:
    """A whole number; one that pandas wrote as ``5.0`` too. Raises ValueRefused."""
    found = _INTEGER.fullmatch(cell)
    if found is None:
        raise ValueRefused(f"{shown(cell)} is not a whole number")
    return found[1]


def number(cell: str) -> str:
    """A number with a decimal point. Raises ValueRefused, for a decimal comma too."""
    if not _NUMBER.fullmatch(cell):
        comma = ": write it with a decimal point and without thousands" if "," in cell else ""
        raise ValueRefused(f"{shown(cell)} is not a number{comma}")
    return cell


def timestamp(cell: str, order: Order | None) -> datetime:
    """A date and time; naive where it has no offset. Raises ValueRefused."""
    try:
        return dates.parse(cell, order)
    except DateError as error:
        raise ValueRefused(f"{shown(cell)} {error}") from error


def reader(column: Column, *, region: str | None, order: Order | None) -> Callable[[str], str]:
    """What reads a column's cells, cleaned and not empty, into text that the database takes."""
    if column.name == "phone":
        return lambda cell: phone(cell, region)
    if column.kind in _TIMES:
        return lambda cell: timestamp(cell, order).isoformat(sep=" ")
    if column.kind is Kind.DATE:
        return lambda cell: timestamp(cell, order).date().isoformat()
    if column.name == "email":
        return email
    plain = {Kind.BOOLEAN: boolean, Kind.INTEGER: integer, Kind.NUMBER: number}
    return plain.get(column.kind, unguard)


def _unquoted(cell: str) -> str:
    """A cell without the signs that make a spreadsheet keep it as text: ``'0171``, ``="0171"``."""
    text = clean(cell)
    while text[:1] in {"'", "=", '"'} and text:
        text = clean(text[1:].removesuffix('"') if text[0] == '"' else text[1:])
    return text


_REASONS = {
    "extension": "has an extension, which cannot get texts",
    "no country": "has no country: write it with +, or give its region (FLOWCTL_DEFAULT_REGION)",
    "no area code": "has no area code",
    "belongs to no": "belongs to no country",
    "ambiguous": "may be of two countries: write it with + or with its leading 0",
    "more than one": "is more than one phone number",
}
"""What is wrong with an address, by words of its error, where there is more to say than that."""


def _reason(cell: str, noun: str, error: AddressError) -> str:
    known = (reason for word, reason in _REASONS.items() if word in str(error))
    return f"{shown(cell)} {next(known, f'is not {noun}')}"
