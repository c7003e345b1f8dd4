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


PIECES = st.one_of(
    st.text(),
    st.sampled_from(
        ["<p>", "</p>", "<ul>", "</ul>", "<li>", "<ol>", "<a href='https://x'>", "</a>"]
    ),
    st.sampled_from(
        ["<head>", "<body>", "<pre>", "</pre>", "<br>", "<!--", "<![CDATA[", "&#", "<"]
    ),
)


@given(st.lists(PIECES).map("".join))
def test_no_markup_is_too_broken(html: str) -> None:
    text = html_to_text(html)

    assert text == text.strip("\n")
    assert "\n\n\n" not in text or "<pre>" in html


@given(st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_plain_words_come_through(words: str) -> None:
    assert html_to_text(f"<p>{words}</p>") == words
