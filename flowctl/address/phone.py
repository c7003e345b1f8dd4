"""Phone numbers that can get a text.

The library that knows numbering plans answers what could be dialled; what it reads wrongly for a
text is decided here.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from flowctl.address.characters import bare, plain, unquoted, without_marks
from flowctl.address.errors import AddressError, shown
from flowctl.address.numbering import SPREADSHEET_NUMBER, todays

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_CHARACTERS = re.compile(r"[+0-9A-Za-z().\-/\s;=,#*\u2010-\u2015\u2212]{1,60}")
_EXTENSION = re.compile(
    r"[0-9][\s.;,]*(?:ext(?:ension|n)?|x|dw|durchwahl|#)[\s.:=]*[0-9]+\W*$", re.IGNORECASE
)
_LETTER = re.compile(r"[A-Za-z]")
_VANITY = re.compile(r"(?:\+?1[\s.-]*)?\(?8[0-9]{2}\)?[\s.-]*[0-9A-Z.-]+", re.IGNORECASE)
_SECOND = re.compile(r"[/,;]|\s{2,}")
_DIGIT = re.compile(r"[0-9]")
_FREEPHONE_DIGITS = 10
"""Digits of a North American number, without the 1."""

_PLAIN = re.compile(
    r"\+(?:1[2-9][0-9]{9}|27[1-9][0-9]{8}|3[134][1-9][0-9]{8}|324[0-9]{8}|4[18][1-9][0-9]{8}"
    r"|44[1-9][0-9]{9}|467[0-9]{8}|491[567][0-9]{8,9}|61[2-478][0-9]{8}|91[6-9][0-9]{9})",
    re.ASCII,
)
"""Numbers in E.164 of large countries whose verdict needs no library: most of a clean file."""

NOWHERE = "001"
"""The region of numbers that belong to no country (satellite, premium, freephone): never texted."""


def to_e164(raw: str, default_region: str | None, countries: frozenset[str] | None) -> str:
    """A phone number as people write it, in E.164: the number that reaches the handset today.

    ``default_region`` (an ISO country) reads national numbers; without one they are refused.
    ``countries``, if given, are the only ones allowed. A number is taken when its length is
    possible in its country: numbering plans change faster than any list of them. Raises
    AddressError.
    """
    if countries is None and _PLAIN.fullmatch(raw):
        return raw
    return _to_e164(raw, default_region, countries)


def is_region(code: str) -> bool:
    """Whether the code is an ISO 3166 country that has phone numbers."""
    import phonenumbers

    return code in phonenumbers.SUPPORTED_REGIONS


def calling_code(region: str) -> str:
    """The digits with which an international number of the country begins: ``44`` for GB."""
    import phonenumbers

    return str(phonenumbers.country_code_for_region(region))


def parts(number: str) -> tuple[str, str, str]:
    """Calling code, trunk prefix (dialled first at home) and the rest of a number in E.164."""
    code, trunk = _code_and_trunk(number[1:4])
    return code, trunk, number[len(code) + 1 :]


_TRUNKS = {"IT": "0"}
"""What some still write before a mobile number, where the library has nothing: Italy's is gone."""


@lru_cache(maxsize=1024)
def _code_and_trunk(beginning: str) -> tuple[str, str]:
    """Of a number whose first three digits these are."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE as CODES

    code = next(beginning[:end] for end in (1, 2, 3) if int(beginning[:end]) in CODES)
    return code, _trunk(CODES[int(code)][0])


def _trunk(region: str) -> str:
    import phonenumbers

    return (
        _TRUNKS.get(region)
        or phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True)
        or ""
    )


@lru_cache(maxsize=4096)
def _to_e164(raw: str, region: str | None, countries: frozenset[str] | None) -> str:
    import phonenumbers

    text = unquoted(plain(without_marks(bare(raw)))).removeprefix("'")
    text = SPREADSHEET_NUMBER.sub(r"\1", text)
    _refuse_what_is_not_one_number(text, raw, region)
    number = _read(text, raw, region)
    _refuse_part_of_a_number(number, text, raw)
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    if region == NOWHERE:
        raise AddressError(f"phone number belongs to no country: {shown(raw)}")
    if countries is not None:
        region = phonenumbers.region_code_for_number(number) or region
        if region not in countries:
            raise AddressError(f"texts to {region} are not allowed (FLOWCTL_TEXT_COUNTRIES)")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _refuse_what_is_not_one_number(text: str, raw: str, region: str | None) -> None:
    """Words, extensions and second numbers: phonenumbers dials a word on the keypad, and reads
    ``030 901820/21`` as one number."""
    if not _CHARACTERS.fullmatch(text):
        raise _invalid(raw)
    if _EXTENSION.search(text):
        raise AddressError(f"phone number has an extension, which cannot get texts: {shown(raw)}")
    if _LETTER.search(text) and not _is_vanity(text):
        raise _invalid(raw, "it holds a word")
    if text.count("+") > 1 or any(
        _DIGIT.search(text, separator.end()) and _is_complete(text[: separator.start()], region)
        for separator in _SECOND.finditer(text)
    ):
        raise _invalid(raw, "it holds more than one number")


def _is_vanity(text: str) -> bool:
    """Whether letters stand for digits: only in a freephone number, as ``1-800-FLOWERS``."""
    dialled = re.sub(r"[^0-9A-Za-z]", "", text).removeprefix("1")
    return bool(_VANITY.fullmatch(text)) and len(dialled) == _FREEPHONE_DIGITS


def _is_complete(text: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def _read(text: str, raw: str, region: str | None) -> "PhoneNumber":
    """The number that is meant, by its country's rules of today. Raises AddressError."""
    import phonenumbers

    if region is None and text.startswith("00"):
        # the international prefix that the ITU recommends (E.164 and E.123)
        text = f"+{text[2:]}"
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise AddressError(
                f"phone number has no country: {shown(raw)} "
                "(write it with +, or set FLOWCTL_DEFAULT_REGION)"
            ) from error
        raise _invalid(raw) from error
    if number.extension:
        raise AddressError(f"phone number has an extension, which cannot get texts: {shown(raw)}")
    if region is not None and not text.startswith("+"):
        number = _with_lost_plus(number, text, raw, region)
    return _of_today(number)


def _with_lost_plus(number: "PhoneNumber", text: str, raw: str, region: str) -> "PhoneNumber":
    """A number whose plus a spreadsheet took: ``491701234567`` in Germany is a mobile, and also a
    landline of an area whose code begins with 49."""
    import phonenumbers

    digits = re.sub(r"[^0-9]", "", text)
    code = calling_code(region)
    if not digits.startswith(code) or phonenumbers.national_significant_number(number) != digits:
        return number
    try:
        other = _of_today(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_valid_number(other) or _is_mobile(number) > _is_mobile(other):
        return number
    if _is_mobile(other) > _is_mobile(number):
        return other
    raise _invalid(raw, "it is ambiguous: write it with + or with its leading 0")


def _of_today(number: "PhoneNumber") -> "PhoneNumber":
    """A number as it is dialled today; without a 0 that an Italian mobile never has."""
    import phonenumbers

    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    changed = todays(written)
    if written.startswith("+3903") and not phonenumbers.is_valid_number(number):
        changed = f"+39{written[4:]}"
    if changed == written:
        return number
    other = phonenumbers.parse(changed)
    return other if phonenumbers.is_possible_number(other) else number


def _refuse_part_of_a_number(number: "PhoneNumber", text: str, raw: str) -> None:
    import phonenumbers

    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise _invalid(raw, "it has no area code")
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise _invalid(raw)
    if "+" not in text and _lacks_its_beginning(number, text):
        raise _invalid(raw, "it has no area code, or not its first 0")


def _lacks_its_beginning(number: "PhoneNumber", text: str) -> bool:
    """Whether a national number is written as within its area, or lost its 0: the library takes
    any digits. A mobile without its 0 is still a mobile."""
    import phonenumbers

    written = re.sub(r"[^0-9]", "", text)
    if written != phonenumbers.national_significant_number(number) or _is_mobile(number):
        return False
    if phonenumbers.is_valid_number(number):
        at_home = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        return at_home.lstrip("(").startswith("0") and not written.startswith("0")
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    usual = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    return usual is not None and len(written) < len(str(usual.national_number))


def _is_mobile(number: "PhoneNumber") -> bool:
    import phonenumbers

    return phonenumbers.number_type(number) in {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }


def _invalid(raw: str, reason: str = "") -> AddressError:
    return AddressError(f"phone number is not valid: {shown(raw)}{reason and f' ({reason})'}")


def country_of(number: str) -> str | None:
    """The ISO country of a number in E.164; null where it belongs to none."""
    import phonenumbers

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return None
