"""Numbers, lists and dates in templates."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.jsonvalues import from_json
from flowctl.model import JsonObject
from tests.support.templates import failure, rendered

ROW = """{
  "price": 10.50, "total": 1299.00, "tiny": 0.0000001, "huge": 1e20, "whole": 7, "none": null,
  "tags": ["a", null, true, 1.50], "custom": {"size": 4.0, "note": null, "deep": [{"a": "é"}]}
}"""

NUMBERS = [
    ("{{ price }} {{ total }} {{ whole }}", "10.50 1299.00 7"),
    ("{{ tiny }} {{ huge }}", "0.0000001 100000000000000000000"),
    ("{{ price | append: ' EUR' }}{{ price | split: '.' | last }}", "10.50 EUR50"),
    ("{{ price | plus: 1 }} {{ price | minus: 0.5 }} {{ whole | plus: 1 }}", "11.50 10.00 8"),
    ("{{ price | times: 2 }} {{ price | times: 1.2 }} {{ whole | times: 2 }}", "21.00 12.60 14"),
    ("{{ total | divided_by: 3 }} {{ price | divided_by: 4 }}", "433.00 2.625"),
    ("{{ 7 | divided_by: 2 }} {{ 20 | divided_by: 7.0 }}", "3 2.857142857142857"),
    ("{{ price | modulo: 3 }} {{ -7 | modulo: 3 }} {{ -5.5 | modulo: 2 }}", "1.50 2 0.5"),
    ("{{ '10.50' | plus: '1' }} {{ 'x' | plus: 1 }} {{ none | plus: 1 }}", "11.50 1 1"),
    ("{{ 2.5 | round }} {{ -2.5 | round }} {{ 3.5 | round }} {{ '0.5' | round }}", "3 -3 4 1"),
    ("{{ price | round }} {{ price | round: 2 }} {{ price | round: 1 }}", "11 10.50 10.5"),
    ("{{ 1.005 | round: 2 }} {{ 2.675 | round: 2 }} {{ 1250 | round: -2 }}", "1.01 2.68 1300"),
    ("{{ 183.357 | round: 2 }} {{ 5 | round: 2 }}", "183.36 5"),
    ("{{ price | ceil }} {{ price | floor }} {{ -1.5 | abs }}", "11 10 1.5"),
    ("{{ price | at_least: 20 }} {{ price | at_most: 20 }}", "20 10.50"),
    ("{{ 0.1 | plus: 0.2 }} {{ 0.1 | times: 3 }}", "0.3 0.3"),
    ("{{ tags | sum }} {{ '1.5,2' | split: ',' | sum }}", "1.50 3.5"),
    ("{% if price == 10.5 and price > 10.1 and price <= 10.5 and price < 11 %}Y{% endif %}", "Y"),
    ("{% case price %}{% when 10.5 %}Y{% endcase %}", "Y"),
    ("{% if tags contains 1.5 and tags contains 'a' %}Y{% endif %}", "Y"),
    ("{{ 0 | default: 'x' }}{{ none | default: price }}", "010.50"),
    ("{{ tags }}", '["a", null, true, 1.50]'),
    ("{{ custom }}", '{"size": 4.0, "note": null, "deep": [{"a": "é"}]}'),
    ("{{ custom.deep }} {{ custom.deep | first }}", '[{"a": "é"}] {"a": "é"}'),
    ("{% echo tags %}", '["a", null, true, 1.50]'),
    ("{{ tags | join: '|' }} {{ tags | size }}", "a||true|1.50 4"),
    ("{{ 'b,a' | split: ',' | sort }}{{ tags | reverse }}", "ab1.50truea"),
    ("{{ true | append: '!' }}{{ none | append: '!' }}", "true!!"),
]


@pytest.mark.parametrize(("source", "expected"), NUMBERS)
def test_numbers_lists_and_objects_as_the_database_writes_them(source: str, expected: str) -> None:
    lead = from_json(ROW)
    assert isinstance(lead, dict)
    assert rendered(source, lead) == expected


def test_a_calculation_ends_at_its_limit() -> None:
    source = "{% assign s = 9.5 %}{% for i in (1..900) %}{% assign s = s | times: s %}{% endfor %}"
    assert "too" in failure(source).message


SUM = "{{ a | plus: b }} {{ a | minus: b }} {{ a | times: b }}"


MONEY = st.decimals(-(10**9), 10**9, places=2)


@given(MONEY, MONEY)
def test_arithmetic_is_exact(one: Decimal, two: Decimal) -> None:
    text = rendered(SUM, {"a": one, "b": two})
    assert [Fraction(number) for number in text.split()] == [
        Fraction(one) + Fraction(two), Fraction(one) - Fraction(two), Fraction(one) * Fraction(two),
    ]  # fmt: skip


@given(MONEY, st.integers(0, 3))
def test_a_half_goes_away_from_zero(number: Decimal, places: int) -> None:
    text = rendered("{{ a | round: b }}", {"a": number, "b": places})
    scaled = Fraction(number) * 10**places
    away = math.floor(abs(scaled) + Fraction(1, 2))
    assert Fraction(text) == Fraction(away if scaled > 0 else -away, 10**places)


CALL = {"at": "2026-12-05T02:00:00+01:00"}


LA = "America/Los_Angeles"


DATES = [
    # a timestamptz as two sessions write it
    ("{{ at | date: '%A %-I:%M %p' }}", CALL, "Friday 5:00 PM"),
    ("{{ at | date: '%A %-I:%M %p' }}", {"at": "2026-12-05T06:30:00+05:30"}, "Friday 5:00 PM"),
    ("{{ at }}", CALL, "2026-12-04T17:00:00-08:00"),
    ("{{ at | slice: 0, 10 }}", CALL, "2026-12-04"),
    ("{{ at | date: '%F %R' }}", {"at": "2026-12-05T01:00:00Z"}, "2026-12-04 17:00"),
    ("{{ at | date: '%F %R' }}", {"at": "2026-12-05 01:00:00+00"}, "2026-12-04 17:00"),
    # a timestamp, a date and a time stay on the clock they were written on
    ("{{ at | date: '%F %R %Z' }} {{ at }}", {"at": "2026-12-05T01:00:00"},
     "2026-12-05 01:00 PST 2026-12-05T01:00:00"),
    ("{{ at | date: '%A' }} {{ at }}", {"at": "2026-12-05"}, "Saturday 2026-12-05"),
    ("{{ at | date: '%l:%M %P' }}|{{ at }}", {"at": "17:30:00"}, " 5:30 pm|17:30:00"),
    ("{{ at | date: '%F' }}", {"at": "infinity"}, "infinity"),
    ("{{ at | date: '%F' }}", {"at": "0044-03-15T00:00:00+00:00 BC"},
     "0044-03-15T00:00:00+00:00 BC"),
    ("{{ at }}", {"at": "0001-01-01T00:00:00+00:00"}, "0001-01-01T00:00:00+00:00"),
    # the message's moment, 9:30 in the morning of 1 December
    ("{{ 'now' | date: '%-d %B %-I:%M %p %Z' }}", {}, "1 December 9:30 AM PST"),
    ("{{ 'Today' | date: '%F' }} {{ now | date: '%R' }} {{ today | date: '%R' }}", {},
     "2026-12-01 09:30 09:30"),
    ("{{ 'now' | date: '%s' | plus: 604800 | date: '%-d %B %Y' }}", {}, "8 December 2026"),
    ("{{ 'now' | date: '%s' | minus: 86400 | date: '%A' }}", {}, "Monday"),
    ("{% assign y = 'now' | date: '%Y' | plus: 1 %}{{ y }}", {}, "2027"),
    # epochs
    ("{{ at | date: '%F %R' }}", {"at": 1796376689}, "2026-12-04 01:31"),
    ("{{ at | date: '%F %R' }}", {"at": "1796376689"}, "2026-12-04 01:31"),
    ("{{ at | date: '%F %R' }}", {"at": 1796376689.5}, "2026-12-04 01:31"),
    ("{{ at | date: '%F %R' }}", {"at": 1796376689123}, "2026-12-04 01:31"),
    ("{{ 0 | date: '%F' }} {{ at | date: '%F' }}", {"at": -86400}, "1969-12-31 1969-12-30"),
    ("{{ at | date: '%F' }}", {"at": 10**30}, str(10**30)),
    ("{{ at | date: '%F' }}", {"at": "20260504"}, "2026-05-04"),
    # words, where nothing is to be guessed
    ("{{ 'March 14, 2026' | date: '%b %d, %y' }}", {}, "Mar 14, 26"),
    ("{{ '14 March 2026 5 PM' | date: '%F %R' }}", {}, "2026-03-14 17:00"),
    ("{{ '02/03/2026' | date: '%F' }} {{ 'May' | date: '%F' }}", {}, "02/03/2026 May"),
    ("{{ '5 May 2026 9:00 XYZ' | date: '%F' }}", {}, "5 May 2026 9:00 XYZ"),
    ("{{ at | date: '%F' }}|{{ at | date }}", {"at": None}, "|"),
    ("{{ '2026-05-04' | date: none }} {{ '2026-05-04' | date: '' }}", {}, "2026-05-04 2026-05-04"),
    ("{{ true | date: '%F' }}", {}, "true"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "lead", "expected"), DATES)
def test_dates_on_the_clock_of_the_messages_zone(
    source: str, lead: JsonObject, expected: str
) -> None:
    assert rendered(source, lead, zone=LA) == expected


def test_a_column_goes_before_a_reserved_name() -> None:
    assert rendered("{{ now }}{{ unsubscribe_url }}", {"now": "x", "unsubscribe_url": "y"}) == "xy"
