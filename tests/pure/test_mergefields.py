"""Merge fields that nobody fills: names of no column, and those of other systems."""

import pytest

from flowctl.template import parse
from flowctl.template.mergefields import foreign_fields, nearest_column, unknown_fields

COLUMNS = ["id", "first_name", "last_name", "email", "phone", "custom", "score", "city"]


@pytest.mark.parametrize(
    ("source", "field", "column"),
    [
        ("{{ firstname }}", "firstname", "first_name"),
        ("{{ First_Name }}", "First_Name", "first_name"),
        ("{{ FIRST_NAME | upcase }}", "FIRST_NAME", "first_name"),
        ("{{ contact.firstname }}", "contact.firstname", "first_name"),
        ("{{ subscriber.email }}", "subscriber.email", "email"),
        ("{{ subscriber.name }}", "subscriber.name", "first_name"),
        ("{{ lead_phone }}", "lead_phone", "phone"),
        ("{{ fname }}", "fname", "first_name"),
        ("{{ lst_name }}", "lst_name", "last_name"),
        ("{% if ctiy == 'Bonn' %}x{% endif %}", "ctiy", "city"),
        ("{{ 'x' | append: e_mail }}", "e_mail", "email"),
        ("{% for tag in tags %}{{ tag }}{% endfor %}", "tags", None),
        ("{{ qwertz }}", "qwertz", None),
    ],
)
def test_a_name_of_no_column_and_the_nearest(source: str, field: str, column: str | None) -> None:
    assert unknown_fields(parse(source, html=False), COLUMNS) == [field]
    assert nearest_column(field, COLUMNS) == column


@pytest.mark.parametrize(
    "source",
    [
        "{{ first_name }} {{ custom.size.width }} {{ first_name.size }}",
        "{{ now | date: '%Y' }} {{ unsubscribe_url }}",
        "{% assign x = first_name %}{{ x }}{% capture y %}a{% endcapture %}{{ y }}",
        "{% for item in custom.items %}{{ forloop.index }} {{ item.name }}{% endfor %}",
        "{% raw %}{{ firstname }}{% endraw %}",
        "text",
    ],
)
def test_what_is_filled(source: str) -> None:
    assert unknown_fields(parse(source, html=False), COLUMNS) == []
    assert foreign_fields(source, COLUMNS) == []


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("*|FNAME|*", "first_name"),
        ("*|UNSUB|*", None),
        ("{contactfield=firstname}", "first_name"),
        ("{contactfield=company|friend}", None),
        ("%FIRST_NAME%", "first_name"),
        ("%%first_name%%", "first_name"),
        ("[[name]]", "first_name"),
        ("[[ qwertz ]]", None),
        ("{!Contact.FirstName}", "first_name"),
        ("{$name}", "first_name"),
        ("${email}", "email"),
        ("<%= first_name %>", "first_name"),
        ("{FIRSTNAME}", "first_name"),
        ("[First Name]", "first_name"),
        ("\u00abFirst_Name\u00bb", "first_name"),
    ],
)
def test_another_systems_field(written: str, column: str | None) -> None:
    assert foreign_fields(f"<p>Hi {written}, hello</p>", COLUMNS) == [(written, column)]


@pytest.mark.parametrize(
    "source",
    [
        "100% OFF, 50%DISCOUNT",
        "https://x.example/%E2%80%99%20SALE%20x",
        "<style>a{color:red} b {}</style>",
        "{color} [x] [1] \u00abBonjour\u00bb",
        "[email](https://a.example) input[name]",
        "*bold* |x| {{ first_name }} {% if email %}{% endif %}",
    ],
)
def test_what_only_looks_like_one(source: str) -> None:
    assert foreign_fields(source, COLUMNS) == []
