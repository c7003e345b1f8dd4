"""The form in which addresses are compared: the database's and the program's are one."""

# ruff: noqa: RUF001 - that letters look like others is what is tested

import unicodedata

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from flowctl.address import AddressError, comparable, to_e164, to_email
from flowctl.address.numbering import handset
from flowctl.model import Channel
from tests.support.postgres import Connection

LETTERS = st.characters(exclude_categories=["Cs", "Cn", "Co"], exclude_characters="\0")
WORDS = st.text(st.sampled_from("aàáÄßçéñÖøžŁıİςΣЖЯաԱ日本نﬁＡ１xn-.'\"“«_"), max_size=12)
DOMAINS = st.sampled_from(
    [
        "example.com",
        "EXÁMPLE.com",
        "exa\u0301mple.com",
        "faß.de",
        "ΣΊΣΥΦΟΣ.gr",
        "日本語。jp",
        "b.ü.ÿ",
    ]
).flatmap(
    lambda name: st.sampled_from(
        [name, name.upper(), "xn--" + name.encode("punycode").decode(), name + "."]
    )
)
PUNYCODE = st.text(st.sampled_from("abcxyz019-"), max_size=12).map(lambda tail: f"x.xn--{tail}")
EMAILS = st.builds(
    "{}{}@{}{}".format,
    st.sampled_from(["", " ", "mailto:", "Ada <", "“", ","]),
    WORDS | st.text(LETTERS, max_size=8),
    DOMAINS | PUNYCODE | st.text(LETTERS, max_size=10) | WORDS,
    st.sampled_from(["", ">", "\n", ",", "\u202c", "”", ";", "."]),
)
NATIONAL = st.text("0123456789", min_size=3, max_size=13)
COUNTRIES = st.sampled_from(
    ["1", "52", "521", "5201", "54", "549", "55", "225", "229", "49", "39"]
) | st.sampled_from(["54011", "549011", "550", "55015", "5703"])
PHONES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "+", "00", "＋", "\u202a+", "tel:+", "(+", "0"]),
    COUNTRIES | st.just(""),
    st.sampled_from(["", "(0)", " ", "( 0 )", "-", "\xa0"]),
    NATIONAL | st.text(st.sampled_from("0123456789 -./()٣۴०০๙５x@"), max_size=20),
)


# a smaller list shows no more than the address that differs
ONCE = settings(max_examples=25, phases=[Phase.explicit, Phase.generate])


def in_sql(conn: Connection, channel: Channel, addresses: list[str]) -> list[str | None]:
    """What the database makes of them."""
    rows = conn.execute(
        "select flowctl.comparable_address(%s, given.address) "
        "from unnest(%s::text[]) with ordinality as given (address, number) order by number",
        (channel, addresses),
    )
    return [row[0] for row in rows]


def differing(
    conn: Connection, channel: Channel, addresses: list[str]
) -> list[tuple[str, str | None, str | None]]:
    """The addresses of which the two say something else: what each says, the database first."""
    return [
        (address, there, here)
        for address, there in zip(addresses, in_sql(conn, channel, addresses), strict=True)
        if there != (here := comparable(channel, address))
    ]


@given(st.lists(EMAILS | st.text(LETTERS, max_size=20), min_size=40, max_size=200))
@ONCE
def test_emails_compare_alike_in_both(reckoner: Connection, written: list[str]) -> None:
    assert differing(reckoner, Channel.EMAIL, written) == []


@given(st.lists(PHONES | st.text(LETTERS, max_size=20), min_size=40, max_size=200))
@ONCE
def test_phones_compare_alike_in_both(reckoner: Connection, written: list[str]) -> None:
    assert differing(reckoner, Channel.TEXT, written) == []


def test_every_character_is_the_same_to_both(reckoner: Connection) -> None:
    """Nothing is white space, a mark, a digit or a case to one of them alone."""
    characters = [
        chr(code)
        for code in (*range(1, 0xD800), *range(0xE000, 0x11000), *range(0xE0000, 0xE1002))
        if unicodedata.category(chr(code)) != "Cn"
        # modifier letters of Unicode 14, which PostgreSQL knows from version 15 on
        and not (0xA7F2 <= code <= 0xA7F4 or 0x10780 <= code <= 0x107BA)
    ]
    for channel, pattern in [
        (Channel.EMAIL, "{0}a{0}b@e{0}x.com{0}"),
        (Channel.TEXT, "{0}+1415{0}5550123{0}"),
    ]:
        written = [pattern.format(character) for character in characters]
        assert differing(reckoner, channel, written) == []


@given(EMAILS)
@example("Ada@EXÁMPLE.com\n")
def test_an_address_compares_with_the_one_that_is_written_to(written: str) -> None:
    try:
        checked = to_email(written)
    except AddressError:
        return
    assert comparable(Channel.EMAIL, checked) == comparable(Channel.EMAIL, written)


@given(PHONES)
def test_a_number_compares_with_the_one_that_is_written_to(written: str) -> None:
    try:
        checked = to_e164(written, None, None)
    except AddressError:
        return
    assert handset(checked) == comparable(Channel.TEXT, checked)


@pytest.mark.parametrize(
    ("channel", "written", "stored"),
    [
        ("email", "ada@exámple.com", "ada@exámple.com"),
        ("email", "ADA@XN--EXMPLE-QTA.com", "ada@exámple.com"),
        ("email", "\u202aada@example.com\u202c\n", "ada@example.com"),
        ("email", "Ada Lovelace <Ada@Example.com>", "ada@example.com"),
        ("email", "ada@example.com,", "ada@example.com"),
        ("text", "\u202a+1 212 555 0198\u202c", "+12125550198"),
        ("text", "0049 (0)171 3920001", "+491713920001"),
        ("text", "+52 1 55 1234 5678", "+525512345678"),
        ("text", "+54 9 11 2345-6789", "+541123456789"),
        ("text", "+54 011 15 2345-6789", "+541123456789"),
        ("text", "+54 9 0351 15 234-5678", "+543512345678"),
        ("text", "0054 (02966) 15-234567", "+542966234567"),
        ("text", "+55 0 15 11 98765-4321", "+5511987654321"),
        ("text", "+55 (0xx11) 8765-4321", "+5511987654321"),
        ("text", "+55 0 21 11 3456-4321", "+551134564321"),
        ("text", "+57 03 300 123 4567", "+573001234567"),
        ("text", "+55 11 8765-4321", "+5511987654321"),
        ("text", "+55 11 3456-4321", "+551134564321"),
        ("text", "+49171392000166245", "+49171392000166245"),
        ("text", "(415) 555-0123", "4155550123"),
    ],
)
def test_a_suppression_is_stored_as_it_is_compared(
    conn: Connection, channel: str, written: str, stored: str
) -> None:
    conn.execute("insert into suppressions (channel, address) values (%s, %s)", (channel, written))
    assert conn.execute("select address from suppressions").fetchall() == [(stored,)]
