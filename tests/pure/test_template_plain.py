"""Plain templates, which are rendered without Liquid: they say what Liquid would."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.model import JsonObject
from flowctl.template import language
from flowctl.template.context import TemplateContext
from flowctl.template.plain import PlainTemplate
from flowctl.zones import zone_info
from tests.support.templates import NOW

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
