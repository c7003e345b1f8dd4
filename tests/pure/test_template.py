import math
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl import template
from flowctl.jsonvalues import from_json
from flowctl.model import JsonObject
from flowctl.template import TemplateError, context, language, parse
from flowctl.template.context import TemplateContext
from flowctl.template.plain import PlainTemplate
from flowctl.zones import zone_info

NOW = datetime(2026, 12, 1, 17, 30, tzinfo=UTC)


def rendered(source: str, lead: JsonObject, *, html: bool = False, zone: str = "UTC") -> str:
    context = TemplateContext(lead, now=NOW, zone=zone_info(zone))
    return template.render(parse(source, html), context)


def failure(source: str, lead: JsonObject | None = None) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        rendered(source, lead or {})
    return caught.value


@pytest.mark.parametrize(
    ("source", "lead", "expected"),
    [
        ("Hi {{ first_name }}!", {"first_name": "Ann"}, "Hi Ann!"),
        ("Hi {{ first_name | default: 'friend' }}!", {"first_name": "Ann"}, "Hi Ann!"),
        ("Hi {{ first_name | default: 'friend' }}!", {"first_name": ""}, "Hi friend!"),
        ("Hi {{ first_name | default: 'friend' }}!", {"first_name": "  "}, "Hi friend!"),
        ("Hi {{ first_name | default: 'friend' }}!", {"first_name": None}, "Hi friend!"),
        ("Hi {{ first_name | default: 'friend' }}!", {}, "Hi friend!"),
        ("{% if plan == 'pro' %}pro{% else %}free{% endif %}", {"plan": "pro"}, "pro"),
        (
            "{{ custom.size }} {{ custom.tags | join: ', ' }}",
            {"custom": {"size": 4, "tags": ["a", "b"]}},
            "4 a, b",
        ),
        ("{{ created_at | date: '%B %d' }}", {"created_at": "2026-05-04T09:00:00+02:00"}, "May 04"),
        ("{{ partial }}", {"partial": "a column like any other"}, "a column like any other"),
        ("{% raw %}{{ as it is }}{% endraw %}", {}, "{{ as it is }}"),
        ("{{ birthday | date: '%d %B' }}", {"birthday": "1990-05-04"}, "04 May"),
        ("{{ month | date: '%Y' }}{{ tags | date: '%Y' }}", {"month": "May", "tags": []}, "May[]"),
        (
            "{{ vip }} {{ visits }} {{ score }}",
            {"vip": True, "visits": 3, "score": 0.5},
            "true 3 0.5",
        ),
    ],
)
def test_merge_fields_are_the_columns(source: str, lead: JsonObject, expected: str) -> None:
    assert rendered(source, lead) == expected


@pytest.mark.parametrize("value", [{}, {"x": None}, {"x": ""}, {"x": " \n "}, {"x": {}}, {"x": []}])
@pytest.mark.parametrize(
    "source",
    [
        "{% if x == blank %}Y{% endif %}",
        "{% if blank == x %}Y{% endif %}",
        "{% if x != blank %}N{% else %}Y{% endif %}",
        "{% unless x == blank %}N{% else %}Y{% endunless %}",
        "{% if 1 == 2 %}N{% elsif x == blank %}Y{% endif %}",
        "{% case x %}{% when 'a' %}N{% when blank %}Y{% else %}N{% endcase %}",
        "{% case x %}{% when nil, blank %}Y{% endcase %}",
        "{% liquid if x == blank \n echo 'Y' \n endif %}",
        "{% for i in (1..1) %}{% if x == blank and true %}Y{% endif %}{% endfor %}",
    ],
)
def test_what_is_missing_is_blank(source: str, value: JsonObject) -> None:
    assert rendered(source, value) == "Y"


@pytest.mark.parametrize("value", ["Ada", 0, False, ["a"], {"a": None}])
def test_what_is_there_is_not_blank(value: object) -> None:
    assert rendered("{% if x == blank %}N{% else %}Y{% endif %}", {"x": value}) == "Y"


def test_nil_is_not_empty() -> None:
    assert rendered("{% if x == empty %}N{% else %}Y{% endif %}", {"x": None}) == "Y"


@pytest.mark.parametrize(
    "source",
    [
        "{{ x }}",
        "{{ x.y.z }}",
        "{{ x | upcase }}",
        "{{ x | date: '%Y' }}",
        "{% if x %}a{% endif %}",
    ],
)
@pytest.mark.parametrize("lead", [{}, {"x": None}, {"x": ""}])
def test_what_is_missing_is_empty(source: str, lead: JsonObject) -> None:
    expected = "a" if "if" in source and lead.get("x") is not None else ""
    assert rendered(source, lead) == expected


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize(
    "value", ["{{content}}", "{0.__class__}", "%(x)s", "${HOME}", "[if]", "{% x"]
)
def test_a_value_is_never_a_template(value: str, html: bool) -> None:
    assert rendered("Hi {{ first_name }}", {"first_name": value}, html=html) == f"Hi {value}"


def test_values_are_escaped_in_html_and_only_there() -> None:
    lead = {"first_name": '<b>O\'Neil & "Co"</b>'}
    source = "<p>{{ first_name }}</p>"
    assert rendered(source, lead) == '<p><b>O\'Neil & "Co"</b></p>'
    expected = "<p>&lt;b&gt;O&#39;Neil &amp; &#34;Co&#34;&lt;/b&gt;</p>"
    assert rendered(source, lead, html=True) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "x | append: x",
        "x | prepend: '<i>'",
        "'<i>' | append: x",
        "x | default: y",
        "missing | default: x",
        "x | replace: 'b', 'c'",
        "x | url_encode | url_decode",
        "x | base64_encode | base64_decode",
        "x | newline_to_br",
        "x | truncate: 20",
        "x | split: '' | join: ''",
        "tags | join: ' '",
        "tags",
        "tags | first",
        "deep",
    ],
)
def test_no_filter_lets_a_value_become_markup(expression: str) -> None:
    value = "<script>b</script>"
    lead = {"x": value, "tags": [value], "deep": {value: value}}
    assert "<script" not in rendered(f"{{{{ {expression} }}}}", lead, html=True)


UNWANTED = "\x00\x07\x1b\x7f\x9b\u061c\u200b\u200e\u202a\u202e\u2028\u2066\u2069\ufeff\ud800"


@pytest.mark.parametrize("column", ["first_name", "notes"])
@pytest.mark.parametrize("character", UNWANTED)
def test_what_cannot_be_printed_is_left_out(column: str, character: str) -> None:
    source = f"{{{{ {column} }}}}"
    assert rendered(source, {column: f"{character}An{character}n{character}"}) == "Ann"


def test_line_ends_stay_in_texts_and_become_blanks_in_names() -> None:
    lead = {"notes": "a\r\n\tb", "first_name": "Ann\r\nBcc: x@y.example"}
    assert rendered("{{ notes }}", lead) == "a\n\tb"
    assert rendered("{{ first_name }}", lead) == "Ann Bcc: x@y.example"


def test_joined_emoji_and_scripts_that_need_joiners_stay() -> None:
    for value in ("👩‍👩‍👧", "می‌خواهم", "José", "李"):
        assert rendered("{{ first_name }}", {"first_name": value}) == value


@pytest.mark.parametrize(
    "column", ["first_name", "lastName", "name", "company_name", "name_of_pet"]
)
@pytest.mark.parametrize(
    "value",
    [
        "Win http://evil.example",
        "www.evil.example",
        "HTTPS://E.EX",
        "bit.ly/x",
        "htt\x00p://x",
        "w\u202eww.x",
    ],
)
def test_a_link_in_a_name_counts_as_missing(column: str, value: str) -> None:
    source = f"Hi {{{{ {column} | default: 'friend' }}}}"
    assert rendered(source, {column: value}) == "Hi friend"
    assert rendered(f"{{{{ custom.{column} }}}}", {"custom": {column: value}}) == ""


@pytest.mark.parametrize(
    "value", ["J.R. Smith", "Dr. O'Neil", "St. John/Doe", "a.b", "Booking.com"]
)
def test_names_with_dots_are_names(value: str) -> None:
    assert rendered("{{ first_name }}", {"first_name": value}) == value


@pytest.mark.parametrize("column", ["website", "tournament", "ornamental"])
def test_links_elsewhere_are_wanted(column: str) -> None:
    assert rendered(f"{{{{ {column} }}}}", {column: "https://a.example/x"}) == "https://a.example/x"


@pytest.mark.parametrize(
    ("column", "cap"), [("first_name", context.NAME_CAP), ("notes", context.VALUE_CAP)]
)
def test_a_long_value_is_cut(column: str, cap: int) -> None:
    for size in (cap, cap + 1, 1_000_000):
        assert rendered(f"{{{{ {column} }}}}", {column: "x" * size}) == "x" * cap


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("Hi {{ first_name", 1, "expected '}}'"),
        ("a\nb {{ x y }}", 2, "expected end of expression"),
        ("a\n\n{% unless x %}", None, "expected tag endunless"),
        ("{% endif %}", 1, "unexpected tag 'endif'"),
        ("{% foo %}", 1, "unexpected tag 'foo'"),
        ("a\nb\n{{ x | shout }}", 3, "unknown filter 'shout'"),
        ("{% if x %}\n{% assign y = x | shout %}{% endif %}", 2, "unknown filter 'shout'"),
        ("{{ x | safe }}", 1, "unknown filter 'safe'"),
        ("{% include 'x' %}", 1, "unexpected tag 'include'"),
        ("{% render 'x' %}", 1, "unexpected tag 'render'"),
        ("x" * (template.SOURCE_LIMIT + 1), None, "at most 200,000"),
        ("{% if x" + " and x" * 20_000 + " %}{% endif %}", None, "parsing error"),
    ],
)
def test_what_does_not_parse_says_where(source: str, line: int | None, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(source, html=False)
    assert caught.value.line == line
    assert words in str(caught.value)
    assert line is None or str(caught.value).startswith(f"line {line}: ")


@pytest.mark.parametrize("opening", ["{{", "{% raw %}", "{%- doc -%}", "{% x", "{"])
def test_openings_without_end_are_refused_before_the_lexer_looks_for_each(opening: str) -> None:
    source = opening * (template.SOURCE_LIMIT // len(opening))
    with pytest.raises(TemplateError, match="never closed"):
        parse(source, html=False)


def test_a_failure_on_a_lead_has_its_line() -> None:
    error = failure("a\n{{ 1 | divided_by: visits }}", {"visits": 0})
    assert (error.line, error.message) == (2, "divided_by: can't divide by 0")
    assert failure("a\n{% break %}").message == "'break' outside a loop"


LOOPS = [
    "{% for i in (1..100000) %}{% for j in (1..100000) %}x{% endfor %}{% endfor %}",
    "{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}",
    "{% for i in (1..many) %}x{% endfor %}",
    "{% for i in (1..1000000000000) reversed %}x{% endfor %}",
    "{% assign a = (1..1000000000000) | reverse %}",
    "{{ (1..1000000000000) | join: ' ' }}",
    "{{ (1..1000000000000) | concat: (1..1000000000000) }}",
]


@pytest.mark.parametrize("source", LOOPS)
def test_a_loop_ends_at_its_limit(source: str) -> None:
    error = failure(source, {"many": 10**12})
    assert "1,000 numbers" in error.message or "limit reached" in error.message


@pytest.mark.parametrize(
    "source",
    [
        "{% assign s = 'ab' %}{% for i in (1..900) %}{% assign s = s | append: s %}{% endfor %}",
        "{% assign s = 9 %}{% for i in (1..900) %}{% assign s = s | times: s %}{% endfor %}",
        "{% assign s = x | split: '' %}{% assign s = s | concat: s %}",
        "{{ x | replace: '', x | replace: '', x | replace: '', x }}",
        "{{ x" + " | base64_encode" * 200 + " }}",
        "{% for i in (1..900) %}{{ x }}{% endfor %}",
        "{% for i in (1..900) %}{% capture y %}{{ y }}{{ x }}{% endcapture %}{% endfor %}",
    ],
)
def test_output_and_variables_end_at_their_limits(source: str) -> None:
    error = failure(source, {"x": "x" * context.VALUE_CAP})
    assert "limit reached" in error.message or "too long" in error.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["first_name", "notes", "custom"]), JSON))
def test_no_value_breaks_a_plain_template(lead: JsonObject) -> None:
    for html in (False, True):
        text = rendered(
            "{{ first_name }}|{{ notes | date: '%Y' }}|{{ custom.a | upcase }}", lead, html=html
        )
        assert not set(text) & set(UNWANTED)


@given(st.text())
def test_any_source_is_read_or_refused(source: str) -> None:
    with suppress(TemplateError):
        parse(source, html=False)


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


def test_the_address_to_unsubscribe_is_there_where_it_is_given() -> None:
    context = TemplateContext({}, now=NOW, zone=UTC, unsubscribe_url="https://a.example/u?x&y")
    assert template.render(parse("{{ unsubscribe_url }}", False), context) == (
        "https://a.example/u?x&y"
    )
    assert rendered("{{ unsubscribe_url | default: 'none' }}", {}) == "none"


def test_a_pattern_is_the_templates_and_its_value_is_not() -> None:
    lead = {"at": 0, "pattern": "<i>%Y</i>", "text": "<b>"}
    assert rendered("{{ at | date: '<b>%Y</b>' }}", lead, html=True) == "<b>1970</b>"
    assert rendered("{{ at | date: pattern }}", lead, html=True) == "&lt;i&gt;1970&lt;/i&gt;"
    assert rendered("{{ text | date: '%Y' }}", lead, html=True) == "&lt;b&gt;"


def test_a_template_is_parsed_once() -> None:
    assert parse("Hi {{ first_name }}, once", False) is parse("Hi {{ first_name }}, once", False)


WORDS = st.text(alphabet="ab \n.<&\"'é{}%-", max_size=6)
BLANKS = st.sampled_from(["", " ", "\n", "  "])
COLUMN = st.sampled_from(
    ["first_name", "notes", "missing", "now", "unsubscribe_url", "size", "empty", "nil", "Ab", "é"]
)
OUTPUT = st.one_of(
    COLUMN,
    COLUMN.map(lambda name: f"-{name}-"),
    st.tuples(COLUMN, BLANKS, st.sampled_from("'\""), WORDS).map(
        lambda said: "{0}{1}|{1}default{1}:{1}{2}{3}{2}".format(*said)
    ),
)
PLAIN_PART = st.one_of(
    WORDS, st.tuples(BLANKS, OUTPUT).map(lambda said: f"{{{{{said[0]}{said[1]}{said[0]}}}}}")
)
VALUE: st.SearchStrategy[object] = st.one_of(
    st.text("ab<&\"'.:/0- \n\u200b", max_size=8),
    st.text(max_size=8),
    st.sampled_from([None, False, True, 0, 1.5, [], {}, [""]]),
)


@given(
    st.lists(PLAIN_PART, max_size=6).map("".join),
    st.dictionaries(COLUMN, VALUE),
    st.booleans(),
)
def test_a_plain_template_is_what_liquid_makes_of_it(
    source: str, lead: JsonObject, html: bool
) -> None:
    plain = PlainTemplate.read(source, html=html)
    if plain is None:
        return
    values = TemplateContext(lead, now=NOW, zone=zone_info("Asia/Tokyo"))
    parsed = language.parse(source, html=html)
    assert plain.render(values) in {None, parsed.render(values)}
    assert set(plain.fields) == set(parsed.fields)


@pytest.mark.parametrize(
    ("source", "is_plain"),
    [
        ("Hello {{ first_name | default: 'there' }}", True),
        ('Hello {{first_name|default:"there"}}', True),
        ("Hello {{ first_name }}", True),
        ("Hello {{ first_name | upcase }}", False),
        ("Hello {{ custom.first }}", False),
        ("{% if first_name %}Hello{% endif %}", False),
        ("Hello {{ first_name | default: last_name }}", False),
        ("Hello {{ first_name | default: 'you', allow_false: true }}", False),
        ("Hello {{ 'you' }}", False),
        ("Hello {{- first_name -}} ", False),
        ("Hello {{ nil }}", False),
        ("Hello {{ first_name", False),
        ("Hello {{ first_name }}}", False),
    ],
)
def test_only_columns_and_their_defaults_have_the_short_way(source: str, *, is_plain: bool) -> None:
    plain = PlainTemplate.read(source, html=False)
    assert (plain is not None) == is_plain
    if plain is not None:
        values = TemplateContext({"first_name": "Ada"}, now=NOW, zone=zone_info("UTC"))
        assert plain.render(values) == "Hello Ada"


def test_a_plain_template_needs_no_liquid() -> None:
    program = (
        "import sys\n"
        "from flowctl import template\n"
        "template.parse('Hello {{ first_name }}', True)\n"
        "assert 'liquid' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
