"""Phone numbers and email addresses as leads have them."""

import email_validator
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.address import AddressError, channel_of, comparable, parse_mailbox, to_e164, to_email
from flowctl.model import Channel


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("+1 (415) 555-0123", None, "+14155550123"),
        ("(415) 555-0123", "US", "+14155550123"),
        ("415.555.0123", "US", "+14155550123"),
        ("\u202a+1 415 555 0123\u202c", None, "+14155550123"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 20 7946 0958", "US", "+442079460958"),
        ("011 44 20 7946 0958", "US", "+442079460958"),
        ("tel:+1-415-555-0123", None, None),
        ("+15555550100", None, "+15555550100"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("415\u2011555\u20110123", "US", "+14155550123"),
    ],
)
def test_a_number_becomes_e164(raw: str, region: str | None, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(AddressError, match="not valid"):
            to_e164(raw, region, None)
    else:
        assert to_e164(raw, region, None) == expected


@pytest.mark.parametrize(
    ("raw", "region", "reason"),
    [
        ("(415) 555-0123", None, "has no country: (415) 555-0123 (write it with +, or set"),
        ("415-555-0123 ext 5", "US", "has an extension"),
        ("+1 415 555", None, "not valid"),
        ("911", "US", "not valid"),
        ("call me", "US", "not valid"),
        ("+999 123456789", None, "no country"),
        ("+882 16 123 4567", None, "belongs to no country"),
        ("+979 123 456 789", None, "belongs to no country"),
        ("+800 1234 5678", None, "belongs to no country"),
        ("+14155550123, +14155550124", None, "not valid"),
        ("4155550123\r\nTo: x", "US", "not valid"),
        ("", "US", "not valid"),
        ("+" * 5000, None, "not valid"),
    ],
)
def test_what_cannot_get_texts_is_refused_with_the_reason(
    raw: str, region: str | None, reason: str
) -> None:
    with pytest.raises(AddressError) as refused:
        to_e164(raw, region, None)

    assert reason in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("raw", "allowed"),
    [
        ("+14155550123", True),
        ("+16045550123", True),
        ("+18765550123", False),  # Jamaica has the same calling code
        ("+33612345678", False),
        ("+15555550123", True),  # no country's in particular: the calling code's main one
    ],
)
def test_texts_go_only_to_the_countries_that_are_allowed(raw: str, *, allowed: bool) -> None:
    countries = frozenset({"US", "CA"})
    if allowed:
        assert to_e164(raw, None, countries) == raw
    else:
        with pytest.raises(AddressError, match=r"texts to [A-Z]{2} are not allowed .FLOWCTL_TEXT"):
            to_e164(raw, None, countries)


@given(
    st.from_regex(r"\+(1|27|3[1-4]|4[14689]|61|91)[0-9]{7,11}", fullmatch=True),
    st.sampled_from([None, "US", "DE"]),
)
def test_the_quick_verdict_on_a_number_is_the_librarys(raw: str, region: str | None) -> None:
    """Where countries are asked for the library is asked, whatever the number."""
    everywhere = frozenset(phonenumbers.SUPPORTED_REGIONS)
    try:
        slow: str | None = to_e164(raw, region, everywhere)
    except AddressError:
        slow = None
    try:
        quick: str | None = to_e164(raw, region, None)
    except AddressError:
        quick = None
    assert quick == slow


@given(st.text(), st.sampled_from([None, "US", "GB", "JM"]))
def test_a_number_is_e164_or_refused_whatever_was_typed(raw: str, region: str | None) -> None:
    try:
        number = to_e164(raw, region, None)
    except AddressError:
        return
    assert number.startswith("+")
    assert number[1:].isascii()
    assert number[1:].isdecimal()
    assert to_e164(number, None, None) == number


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Ada@Example.COM", "Ada@example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("ada@example.com\n", "ada@example.com"),
        ("\xa0ada@example.com\u3000\x85", "ada@example.com"),
        ("\u202aada@example.com\u202c", "ada@example.com"),
        ("\ufeffada\u200b@example.com", "ada@example.com"),
        ("“ada@example.com”", "ada@example.com"),
        ("'ada@example.com'", "ada@example.com"),
        ("ada+drip@example.com", "ada+drip@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("jörg@example.com", "jörg@example.com"),
        ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
    ],
)
def test_an_email_address_is_normalised(raw: str, expected: str) -> None:
    assert to_email(raw) == expected


PARTS = st.text(st.sampled_from("aAzZ09_+-.'!é"), min_size=1, max_size=12)
LABELS = st.text(st.sampled_from("aZ0-ü"), min_size=1, max_size=10) | st.sampled_from(
    ["xn--bcher-kva", "a" * 63, "a" * 64, "ab--c", "example", "test", "localhost", "com", "c0m"]
)


@given(PARTS | st.just("a" * 64) | st.just("a" * 65), st.lists(LABELS, min_size=1, max_size=4))
def test_the_quick_verdict_is_the_librarys(local: str, labels: list[str]) -> None:
    written = f"{local}@{'.'.join(labels)}"
    try:
        found = email_validator.validate_email(written, check_deliverability=False)
    except email_validator.EmailNotValidError:
        with pytest.raises(AddressError):
            to_email(written)
    else:
        assert to_email(written) == (
            found.ascii_email or f"{found.local_part}@{found.ascii_domain}"
        )


@pytest.mark.parametrize(
    "raw",
    [
        "ada@example.com,",
        "ada@example.com;",
        "ada @example.com",
        "a@example.com, b@example.com",
        "a@example.com;b@example.com",
        "Ada <ada@example.com>",
        '"ada lovelace"@example.com',
        "ada@example.com\nBcc: b@example.com",
        "ada@example.com\x00",
        "ada@localhost",
        "ada@[127.0.0.1]",
        "ada@example",
        "ada",
        "@example.com",
        "",
        "a" * 5000 + "@example.com",
    ],
)
def test_what_is_not_one_address_is_refused(raw: str) -> None:
    with pytest.raises(AddressError, match="email address is not valid") as refused:
        to_email(raw)

    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


@given(st.text(max_size=100))
def test_an_address_is_one_or_refused_whatever_was_typed(raw: str) -> None:
    try:
        address = to_email(raw)
    except AddressError:
        return
    assert address.count("@") == 1
    assert not set(address) & set(' ,;<>"\r\n\0')
    assert address.rpartition("@")[2].isascii()


def test_a_suppression_is_found_however_the_address_is_written() -> None:
    assert comparable(Channel.EMAIL, to_email("Ada@Example.com")) == "ada@example.com"
    assert comparable(Channel.TEXT, to_e164("415 555 0123", "US", None)) == "+14155550123"


def test_the_channel_follows_from_the_address() -> None:
    assert channel_of("ada@example.com") is Channel.EMAIL
    assert channel_of("(415) 555-0123") is Channel.TEXT
    with pytest.raises(AddressError, match="neither"):
        channel_of("ada")


@pytest.mark.parametrize(
    ("raw", "name", "address"),
    [
        ("news@acme.example", "", "news@acme.example"),
        ("<news@acme.example>", "", "news@acme.example"),
        ("Acme News <news@acme.example>", "Acme News", "news@acme.example"),
        ('"Acme, \\"News\\"" <news@acme.example>', 'Acme, "News"', "news@acme.example"),
        ("Bücher <me@localhost>", "Bücher", "me@localhost"),
    ],
)
def test_a_mailbox_is_read(raw: str, name: str, address: str) -> None:
    mailbox = parse_mailbox(raw)

    assert (mailbox.name, mailbox.address) == (name, address)
