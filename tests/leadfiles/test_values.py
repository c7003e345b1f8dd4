"""Cells as their columns store them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.leadfile import dates, values
from flowctl.leadfile.dates import DateError, Order
from flowctl.leadfile.rejects import guard, unguard
from flowctl.leadfile.scan import OrderOfDates
from flowctl.leadfile.values import ValueRefused


@pytest.mark.parametrize(
    ("cell", "region", "number"),
    [
        ("+1 212 555 0101", None, "+12125550101"), ("p:+12125550103", None, "+12125550103"),
        ("p:2125550105", "US", "+12125550105"), ("tel:+1-212-555-0101", None, "+12125550101"),
        ("whatsapp:+12125550101", None, "+12125550101"), ("'+12125550101", None, "+12125550101"),
        ("'0171 3920001", "DE", "+491713920001"), ('="0171 3920001"', "DE", "+491713920001"),
        ("=+491713920001", None, "+491713920001"), ("12125550112.0", "US", "+12125550112"),
        ("+49 (0)171 3920002", None, "+491713920002"), ("0049 171 3920003", "DE", "+491713920003"),
        ("0044 20 7946 0115", "US", "+442079460115"), ("\u202a+1 212 555 0198\u202c", None,
                                                       "+12125550198"),
    ],
)  # fmt: skip
def test_phones(cell: str, region: str | None, number: str) -> None:
    assert values.phone(cell, region) == number


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("4.91714E+12", "was rounded by a spreadsheet"), ("4,91714E+12", "was rounded"),
        ("abc", "'abc' is not a phone number"), ("nan", "'nan' is not a phone number"),
        ("0171 3920001 / 030 901820", "is more than one phone number"),
        ("+491713920001, +491713920002", "is more than one phone number"),
        ("212.555.0111 ext. 4", "has an extension"), ("123", "'123'"), ("", "''"),
    ],
)  # fmt: skip
def test_what_is_no_phone(cell: str, words: str) -> None:
    with pytest.raises(ValueRefused, match=r".") as raised:
        values.phone(cell, "US")
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("ada@example.com", "ada@example.com"), ("mailto:ada@example.com", "ada@example.com"),
        ("MAILTO:ada@example.com?subject=x", "ada@example.com"),
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ('"Lovelace, Ada" <Ada@Example.com>', "Ada@Example.com"),
        ("<ada@example.com>", "ada@example.com"), ("'ada@example.com", "ada@example.com"),
    ],
)  # fmt: skip
def test_emails(cell: str, address: str) -> None:
    assert values.email(cell) == address


@pytest.mark.parametrize(
    "cell", ["nan", "a@b.co, c@d.co", "a@b.co; c@d.co", "not-an-address", "a@"]
)
def test_what_is_no_email(cell: str) -> None:
    with pytest.raises(ValueRefused, match="is not an email address"):
        values.email(cell)


@pytest.mark.parametrize("cell", ["true", "Yes", "1", "1.0", "WAHR", "VRAI", "y", "Ja", "oui"])
def test_yes(cell: str) -> None:
    assert values.boolean(cell) == "true"


@pytest.mark.parametrize("cell", ["false", "No", "0", "0.0", "FALSCH", "FAUX", "n", "Nein", "non"])
def test_no(cell: str) -> None:
    assert values.boolean(cell) == "false"


def test_numbers() -> None:
    assert values.integer("5.0") == "5"
    assert values.number("-10.50") == "-10.50"
    for cell in ("10,50", "1,000", "1.000,50", "5 €", "nan", "٣"):
        with pytest.raises(ValueRefused):
            values.number(cell)
    for cell in ("5.5", "5,0", "1,000", "x"):
        with pytest.raises(ValueRefused):
            values.integer(cell)
    with pytest.raises(ValueRefused, match="neither yes nor no"):
        values.boolean("maybe")


@pytest.mark.parametrize(
    ("cell", "order", "instant"),
    [
        ("02.03.2026", None, "2026-03-02"), ("02.03.2026 15:04", None, "2026-03-02 15:04"),
        ("2. 3. 2026", None, "2026-03-02"), ("02.03.26 15.04", None, "2026-03-02 15:04"),
        ("2026/03/02 15:04:05", None, "2026-03-02 15:04:05"), ("2026/12/31", None, "2026-12-31"),
        ("03/02/2026 15:04:05", Order.MDY, "2026-03-02 15:04:05"),
        ("3/2/26 3:04 PM", Order.MDY, "2026-03-02 15:04"), ("3/2/85", Order.MDY, "1985-03-02"),
        ("02-03-2026", Order.DMY, "2026-03-02"), ("26-03-02", Order.YMD, "2026-03-02"),
        ("13/03/2026", None, "2026-03-13"), ("03/03/2026", None, "2026-03-03"),
        ("2026-03-02T15:04:05Z", None, "2026-03-02 15:04:05+00:00"),
        ("2026-03-02T15:04:05-06:00", None, "2026-03-02 15:04:05-06:00"),
        ("2026-03-02 15:04:05 UTC", None, "2026-03-02 15:04:05+00:00"),
        ("2026-03-02 15:04:05 +0100", None, "2026-03-02 15:04:05+01:00"),
        ("2026-3-2 9:05", None, "2026-03-02 09:05"), ("2 March 2026", None, "2026-03-02"),
        ("Mar 2, 2026 3:04 p.m.", None, "2026-03-02 15:04"),
        ("Mon, 02 Mar 2026 15:04:05 +0000", None, "2026-03-02 15:04:05+00:00"),
        ("Mon Mar 02 2026 15:04:05 GMT+0300", None, "2026-03-02 15:04:05+03:00"),
        (
            "Mon Mar 02 2026 15:04:05 GMT+0300 (Moscow Standard Time)",
            None,
            "2026-03-02 15:04:05+03:00",
        ),
        ("2026-03-02 15:04:05.123456789 -0500 EST", None, "2026-03-02 15:04:05.123456-05:00"),
        ("2026-03-02 12:30 AM", None, "2026-03-02 00:30"),
        ("1772463845", None, "2026-03-02 15:04:05+00:00"),
    ],
)  # fmt: skip
def test_dates(cell: str, order: Order | None, instant: str) -> None:
    assert dates.parse(cell, order) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    "cell",
    ["02/03/2026", "2-3-2026", "46083", "46083.6", "March 2026", "May", "monday", "soon", "10",
     "2026-02-30", "31.02.2026", "03.28.2026", "2026-03-02 15:04 EST", "02-03-2026 EST",
     "2026-03-02 UTC+3", "0000-01-01", "13/13/2026", "2026-13-01", "", "9999-01-01",
     "2026-03-02 25:00"],
)  # fmt: skip
def test_what_is_no_date(cell: str) -> None:
    with pytest.raises(DateError):
        dates.parse(cell, None)


@given(
    instant=st.datetimes(datetime(1971, 1, 1), datetime(2069, 12, 31)),  # noqa: DTZ001
    form=st.sampled_from([
        ("%d.%m.%Y %H:%M", None), ("%d/%m/%Y %H:%M", Order.DMY), ("%m/%d/%Y %I:%M %p", Order.MDY),
        ("%m-%d-%y %H:%M", Order.MDY), ("%Y/%m/%d %H:%M", None), ("%Y-%m-%d %H:%M", None),
        ("%d %b %Y %H:%M", None), ("%B %d, %Y %I:%M %p", None), ("%Y-%m-%dT%H:%M", None),
        ("%a, %d %b %Y %H:%M", None), ("%y-%m-%d %H:%M", Order.YMD),
    ]),
)  # fmt: skip
def test_dates_of_any_form(instant: datetime, form: tuple[str, Order | None]) -> None:
    instant = instant.replace(second=0, microsecond=0)
    assert dates.parse(instant.strftime(form[0]), form[1]) == instant


@given(instant=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_offset_is_kept(instant: datetime) -> None:
    later = instant.replace(microsecond=0) + timedelta(0)
    assert dates.parse(later.isoformat(), None) == later


@pytest.mark.parametrize(
    ("cells", "order", "words"),
    [
        (["03/02/2026", "03/28/2026"], Order.MDY, None),
        (["03/02/2026", "28/03/2026"], Order.DMY, None),
        (["2026-03-02", "02.03.2026"], None, None),
        (["03/03/2026"], None, None),
        (["03/02/2026"], None, "may be of two days"),
        (["28/03/2026", "03/28/2026"], None, "line 2 has the day first, line 3 the month"),
    ],
)
def test_the_order_of_a_file(cells: list[str], order: Order | None, words: str | None) -> None:
    seen = OrderOfDates()
    for line, cell in enumerate(cells, 2):
        seen.observe("'created_at' (column 1)", line, cell)
    found, problem = seen.decide()
    assert found == order
    assert (problem is None) == (words is None)
    assert words is None or words in (problem or "")


@given(st.text(st.sampled_from("=+-@'\t1 ax|"), max_size=6))
def test_a_guarded_cell_is_no_formula_and_comes_back(cell: str) -> None:
    guarded = guard(cell)
    assert unguard(guarded) == cell or guarded == cell
    assert guarded[:1] not in {"=", "@", "\t"}
    assert guarded[:1] not in {"+", "-"} or set(guarded[1:]) <= set("0123456789 ().-/")
