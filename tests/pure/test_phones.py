"""Phones by the rules of their countries today, where a text has to arrive."""

# ruff: noqa: RUF001 - quotes and digits that look like others are what is tested

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.address import AddressError, comparable, spellings, to_e164
from flowctl.model import Channel


@pytest.mark.parametrize(
    ("raw", "region", "number"),
    [
        # Mexico: one form since 2019
        ("+52 1 55 1234 5678", None, "+525512345678"),
        ("+5215512345678", None, "+525512345678"),
        ("+52 55 1234 5678", None, "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("01 55 1234 5678", "MX", "+525512345678"),
        # Argentina: the 15 of home is the 9 from abroad
        ("+54 9 11 2345-6789", None, "+5491123456789"),
        ("+54 11 15 2345-6789", None, "+5491123456789"),
        ("011 15 2345-6789", "AR", "+5491123456789"),
        # Brazil: the ninth digit, carrier codes
        ("+55 11 8765-4321", None, "+5511987654321"),
        ("+55 11 98765-4321", None, "+5511987654321"),
        ("11 8765-4321", "BR", "+5511987654321"),
        ("0 15 11 98765-4321", "BR", "+5511987654321"),
        ("+55 (011) 98765-4321", None, "+5511987654321"),
        ("+55 11 3456-4321", None, "+551134564321"),
        # Italy: landlines keep their 0, mobiles have none
        ("+39 06 1234 5678", None, "+390612345678"),
        ("06 12345678", "IT", "+390612345678"),
        ("+39 (0)333 1234567", None, "+393331234567"),
        ("393331234567", "IT", "+393331234567"),
        ("393 123 4567", "IT", "+393931234567"),
        # Ivory Coast: ten digits since 2021; Benin since 2024
        ("+225 01 23 45 67", None, "+2250101234567"),
        ("+225 05 12 34 56", None, "+2250505123456"),
        ("+225 07 12 34 56", None, "+2250707123456"),
        ("07 12 34 56", "CI", "+2250707123456"),
        ("+225 07 07 12 34 56", None, "+2250707123456"),
        ("+229 97 12 34 56", None, "+2290197123456"),
        # a plus that a spreadsheet took
        ("491701234567", "DE", "+491701234567"),
        ("447911123456", "GB", "+447911123456"),
        ("919876543210", "IN", "+919876543210"),
        ("9198765432", "IN", "+919198765432"),
        ("4915112345678.0", "DE", "+4915112345678"),
        ("+14155550123.0", None, "+14155550123"),
        # a 0 that one took, or that stands in brackets
        ("171 3920001", "DE", "+491713920001"),
        ("+49 (0)171 3920001", None, "+491713920001"),
        ("+44 (0)7911 123456", None, "+447911123456"),
        ("0176/1234567", "DE", "+491761234567"),
        ("0049 171 3920001", None, "+491713920001"),
        # what is around it, and other digits
        ("\u202a+1 212 555 0198\u202c", None, "+12125550198"),
        ("\ufeff+1\u2066 212\u2069 555 0198\n", None, "+12125550198"),
        ("\u3000+1 212 555 0198\x85", None, "+12125550198"),
        ("“+12125550198”", None, "+12125550198"),
        ("'+12125550198", None, "+12125550198"),
        ("+12125550198;", None, "+12125550198"),
        ("＋１２１２５５５０１９８", None, "+12125550198"),
        ("٠١٧١٣٩٢٠٠٠١", "DE", "+491713920001"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("+1 (800) 555-TELL", None, "+18005558355"),
    ],
)
def test_a_number_becomes_the_one_that_a_text_reaches(
    raw: str, region: str | None, number: str
) -> None:
    assert to_e164(raw, region, None) == number


@pytest.mark.parametrize(
    ("raw", "region", "reason"),
    [
        ("+49 30 901820 privat", None, "it holds a word"),
        ("+49 171 3920001 mobil", None, "it holds a word"),
        ("mobil +49 171 3920001", None, "it holds a word"),
        ("+1 (415) 555-0123 (home)", None, "it holds a word"),
        ("415-555-HOME", "US", "it holds a word"),
        ("1-800-CONTACTS", "US", "it holds a word"),
        ("4.91714E+12", "DE", "it holds a word"),
        ("+49 171 3920001 oder 030 901820", None, "it holds a word"),
        ("555-2671", "US", "it has no area code"),
        ("+1 555-2671", None, "it has no area code"),
        ("901820", "DE", "it has no area code"),
        ("98765-4321", "BR", "it has no area code"),
        ("030 901820/21", "DE", "it holds more than one number"),
        ("415 555 0123 / 415 555 0124", "US", "it holds more than one number"),
        ("+14155550123, +14155550124", None, "it holds more than one number"),
        ("+14155550123 +14155550124", None, "it holds more than one number"),
        ("+1 415 555 0123 x5", None, "has an extension"),
        ("+1 415 555 0123 ext. 22", None, "has an extension"),
        ("+49 30 901820 Durchwahl 21", None, "has an extension"),
        ("+14155550123;ext=5", None, "has an extension"),
        ("491701234567", None, "has no country"),
        ("+225 20 12 34 56", None, "not valid"),
    ],
)
def test_what_is_not_one_number_is_refused_not_guessed(
    raw: str, region: str | None, reason: str
) -> None:
    with pytest.raises(AddressError) as refused:
        to_e164(raw, region, None)
    assert reason in str(refused.value)
    assert str(refused.value).startswith("phone number ")


def test_a_number_that_could_be_two_is_refused() -> None:
    """A number of the area 04939, or a landline elsewhere in Germany without its plus."""
    with pytest.raises(AddressError, match="ambiguous"):
        to_e164("4939150008", "DE", None)


MOBILE = phonenumbers.PhoneNumberType.MOBILE
MOBILES = {
    region: example
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if (
        example := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    )
}
"""An example of each country for which the library has one."""


def test_nearly_every_country_has_an_example() -> None:
    assert len(MOBILES) >= len(phonenumbers.SUPPORTED_REGIONS) - 2


@pytest.mark.parametrize("region", MOBILES)
def test_the_example_mobile_of_every_country_is_read_as_it_is_written(region: str) -> None:
    example = MOBILES[region]
    forms = phonenumbers.PhoneNumberFormat
    number = phonenumbers.format_number(example, forms.E164)
    for form in (forms.E164, forms.INTERNATIONAL, forms.NATIONAL):
        written = phonenumbers.format_number(example, form)
        assert to_e164(written, region, None) == number
    assert comparable(Channel.TEXT, number) == spellings(Channel.TEXT, number)[0]


@given(
    st.sampled_from(["+52", "+54", "+55", "+225", "+229", "+49", "+1"]),
    st.from_regex(r"\A[0-9]{6,11}\Z"),
)
def test_the_form_that_is_compared_is_its_own(country: str, rest: str) -> None:
    number = comparable(Channel.TEXT, country + rest)
    assert number is not None
    assert comparable(Channel.TEXT, number) == number


def test_a_number_as_at_home_is_that_of_its_region() -> None:
    mexican, american = "+525512345678", "+15512345678"
    for number in (mexican, american):
        assert "5512345678" in spellings(Channel.TEXT, number)
    assert "5512345678" in spellings(Channel.TEXT, american, "US")
    assert "5512345678" not in spellings(Channel.TEXT, mexican, "US")
    assert "01713920001" in spellings(Channel.TEXT, "+491713920001", "DE")


@pytest.mark.parametrize(
    "raw",
    [
        "+39 0333 1234567",
        "+44 07911 123456",
        "+49 0171 3920001",
        "+36 06 30 123 4567",
        "+33 06 12 34 56 78",
        "+7 8 916 123 45 67",
        "+55 0 11 98765-4321",
        "+52 01 55 1234 5678",
        "+1 1 212 555 0198",
    ],
)
def test_a_number_with_what_is_dialled_at_home_is_found_under_it(raw: str) -> None:
    """Whoever suppressed it by SQL wrote it as the lead has it."""
    assert comparable(Channel.TEXT, raw) in spellings(Channel.TEXT, to_e164(raw, None, None))
