"""HTML as a reader would see it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.plaintext import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hi <b>Ada</b>,</p><p>welcome.</p>", "Hi Ada,\n\nwelcome."),
        ("<p>one\n  two\t three</p>", "one two three"),
        ("one<br>two<br/><br>three", "one\ntwo\n\nthree"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<h1>Title</h1>text", "Title\n\ntext"),
        ("a<hr>b", f"a\n\n{'-' * 20}\n\nb"),
        ("<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter"),
        ("<ol><li>one<li>two<ul><li>in</ul></ol>", "1. one\n2. two\n  - in"),
        ('<a href="https://a.example/x">our site</a>.', "our site (https://a.example/x)."),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<a href="https://a.example"><img src="x" alt="Logo"></a>', "Logo (https://a.example)"),
        ('<a href="https://a.example"><img src="x"></a>', "https://a.example"),
        ('<a href="javascript:x()">click</a> <a name="y">here</a>', "click here"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<head><title>x</title></head><body>a<style>b{}</style><script>c</script></body>", "a"),
        ("<html><head><meta name=x><body>unclosed head", "unclosed head"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("caf&eacute; &lt;3 &amp; &#128512; a&nbsp;b", "café <3 & 😀 a\u00a0b"),
        ("<blockquote>said</blockquote>she", "said\n\nshe"),
        ("2 < 3 and 5 > 4", "2 < 3 and 5 > 4"),
        ("<p>broken <b>markup</i></div>", "broken markup"),
        ("</ul></a></li>text", "text"),
        ("", ""),
    ],
)
def test_html_reads_as_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


PREHEADER = "color:#fff;font-size:1px;line-height:1px;opacity:0;overflow:hidden"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<li><p>one</p></li>", "- one"),
        ("<ul><li><p>one</p></li><li><p>two</p></li></ul>", "- one\n- two"),
        ("<ul><li><p>one</p><p>more</p></li><li>two</li></ul>", "- one\n\n  more\n- two"),
        ("<ul><li>one<br>more</li></ul>after", "- one\n  more\n\nafter"),
        ("<ul><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ul>", "- a\n  1. b\n  2. c\n- d"),
        ('<ol start="3"><li>c<li value="7">g<li value="x">h</ol>', "3. c\n7. g\n8. h"),
        ('<a href="https://x.example/a"><img src="i"></a>Hello', "https://x.example/a Hello"),
        ('<a href="https://x.example/a"><img src="i"></a>.', "https://x.example/a."),
        ('<a href="https://x.example/a"><img src="i"></a>.Hello', "https://x.example/a .Hello"),
        ('See<a href="https://x.example/a"><img></a>', "See https://x.example/a"),
        ('<a href="https://x.example/a">https://x.example/a</a>Bye', "https://x.example/a Bye"),
        ('<a href="https://x.example/a"><img alt="Us"></a>Bye', "Us (https://x.example/a) Bye"),
        ('<a href="https://x.example"><div>Go</div></a>end', "Go (https://x.example)\nend"),
        ('<a href="https://x.example/a">one<p>two', "one\n\ntwo (https://x.example/a)"),
        ("10<sup>3</sup> m<sup>2</sup>", "10^3 m^2"),
        ("x<sup>n</sup> x<sup>n+1</sup> 10<sup>-6</sup>", "x^n x^(n+1) 10^-6"),
        (
            "1<sup>st</sup> 2<sup>e</sup> Acme<sup>&reg;</sup> Acme<sup>TM</sup>",
            "1st 2e Acme® AcmeTM",
        ),
        ("H<sub>2</sub>O x<sub>i</sub> 10<sub>2</sub> <sup>1</sup>", "H2O x_i 10_2 1"),
        (f'<div style="{PREHEADER};display:none">Sale &zwnj;&nbsp;&zwnj;</div><p>Hi</p>', "Hi"),
        ('<div style="DISPLAY : None !important"><div>a</div>b</div>Hi', "Hi"),
        ('<span style="mso-hide:all;font-size:0">a</span>Hi', "Hi"),
        ('<div style="max-height:0px;overflow:hidden">a</div>Hi', "Hi"),
        ('<div style="visibility:hidden">a</div><i hidden>b</i>Hi', "Hi"),
        ('<p style="display:none">a<p>Hi', "Hi"),
        ('<img alt="a" style="display:none">Hi', "Hi"),
        (
            "<style>.pre, p.x { display: none }</style><b class='y pre'>a</b><p class='x'>b</p>Hi",
            "Hi",
        ),
        (
            "<style>@media (max-width:9px) { .pc { display:none } }</style><b class='pc'>Hi</b>",
            "Hi",
        ),
        # seen everywhere but in Outlook; and the frame that MJML draws around every text
        ('<a style="mso-hide:all" href="https://x.example">Buy</a>', "Buy (https://x.example)"),
        ('<table><tr><td style="font-size:0px"><div>Hi</div></td></tr></table>', "Hi"),
        ("Sale&#847; &zwnj; &nbsp; &#8199; &shy;&#8203;<p>Hi</p>", "Sale\n\nHi"),
        ("<td>a<br>b</td><td>c</td><td>d<br>e</td>", "a\nb\nc\nd\ne"),
        ("<tr><td>a</td><td>b<br>c</td></tr><tr><td>1</td><td>2</td></tr>", "a\nb\nc\n1 2"),
        ("<p>a</p><p>&nbsp;</p><p>b</p>", "a\n\nb"),
        ("a<pre>\n  b\n\n  c\n</pre>d", "a\n\n  b\n\n  c\n\nd"),
        ("<!--[if mso]><p>old</p><![endif]--><!--[if !mso]><!--><p>Hi</p><!--<![endif]-->", "Hi"),
        ("<p>می‌خواهم 👩‍👩‍👧</p>", "می‌خواهم 👩‍👩‍👧"),
    ],
)
def test_mails_as_people_build_them(html: str, text: str) -> None:
    assert html_to_text(html) == text


PIECES = st.one_of(
    st.text(),
    st.sampled_from(
        ["<p>", "</p>", "<ul>", "</ul>", "<li>", "<ol>", "<a href='https://x'>", "</a>"]
    ),
    st.sampled_from(
        ["<head>", "<body>", "<pre>", "</pre>", "<br>", "<!--", "<![CDATA[", "&#", "<"]
    ),
    st.sampled_from(
        ["<table>", "<tr>", "<td>", "</td>", "</table>", "<sup>", "</sup>", "<img alt=x>", "&zwnj;"]
    ),
    st.sampled_from(
        ["<style>", "</style>", "<div style='display:none'>", "<p hidden>", "</div>", "</p>"]
    ),
)


@given(st.lists(PIECES).map("".join))
def test_no_markup_is_too_broken(html: str) -> None:
    text = html_to_text(html)

    assert text == text.strip("\n")
    assert "\n\n\n" not in text or "<pre>" in html


def test_lists_without_end_stay_small() -> None:
    html = "<ul><li>x<br>y" * 10_000
    assert len(html_to_text(html)) < 5 * len(html)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_plain_words_come_through(words: str) -> None:
    assert html_to_text(f"<p>{words}</p>") == words
