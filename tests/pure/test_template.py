from contextlib import suppress
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl import template
from flowctl.model import JsonObject
from flowctl.template import TemplateError, context, parse
from flowctl.template.context import TemplateContext
from tests.support.templates import NOW, failure, rendered


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
