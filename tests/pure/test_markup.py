"""HTML or text: what a person meant by angle brackets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.model import ContentFormat
from flowctl.template.markup import detected_format, keeps_lines


@pytest.mark.parametrize(
    "content",
    [
        "<p>Hi</p>",
        "Hi<br>you",
        "Hi<BR/>",
        "<!doctype html>x",
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">x',
        '<a href="x">y</a>',
        "<h1>x</h1>",
        "<a href={{ url }}>y</a>",
        "<p{% if vip %} class='vip'{% endif %}>Hi</p>",
        '<td {{ style | default: "a>b" }} nowrap width=1>',
        "<img src='x' alt>",
        '<font\n color="red">x</font>',
        "a <b>x</b> c",
        "10<sup>3</sup>",
    ],
)
def test_content_with_tags_is_html(content: str) -> None:
    assert detected_format(content) is ContentFormat.HTML


@pytest.mark.parametrize(
    "content",
    [
        "a < b and c > d",
        "if a<b then c>d",
        "if a<b and c >d",
        "x<p and q>r",
        "<3",
        "Ann <ann@a.example>",
        "<firstname>",
        "<first_name>, <a>, <a or b>",
        "1<a",
        "see <https://a.example>",
        "<b",
        "< b >",
        "</p>",
        "{{ '<p>' }}",
        "",
    ],
)
def test_content_with_angle_brackets_only_is_text(content: str) -> None:
    assert detected_format(content) is ContentFormat.TEXT


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("one <b>two</b>\nthree", True),
        ('one\n<a href="x">two</a>', True),
        ("one<br>\ntwo", False),
        ("<p>one</p>\n<p>two</p>", False),
        ("one\ntwo", True),
    ],
)
def test_lines_are_kept_where_no_tag_makes_any(content: str, *, expected: bool) -> None:
    assert keeps_lines(content) is expected


@given(st.lists(st.sampled_from(["<p", "<b ", ">", "a=", '"', "'", "{{", "}}", "{%", "%}", " x"])))
def test_any_content_is_told(pieces: list[str]) -> None:
    assert detected_format("".join(pieces)) in ContentFormat
