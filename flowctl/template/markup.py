"""Whether what a person wrote is HTML or text."""

import re
from functools import lru_cache

from flowctl.model import ContentFormat

# In the text of a template the tags of Liquid may stand anywhere, inside a tag of HTML too.
_LIQUID = re.compile(r"\{\{[^{}]*\}\}|\{%(?:[^{}%]|%(?!\}))*%\}")
_VALUE = r"\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=`]*)"
_ATTRIBUTE = re.compile(rf"([a-z_:][-\w:.]*)({_VALUE})?", re.IGNORECASE)
_TAG = re.compile(rf"<([a-z][a-z0-9]*)((?:\s+[a-z_:][-\w:.]*(?:{_VALUE})?)*)\s*/?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype\s+html\b", re.IGNORECASE)

_INLINE = frozenset(
    "b i u s em strong small big sup sub code span strike del ins tt".split()  # noqa: SIM905
)
_WITH_ATTRIBUTES = frozenset(("a", "font", "img"))
"""Inline as well, and nothing without an attribute: ``option <a>`` is text."""
_BLOCKS = frozenset(
    "html head body style p br hr div center blockquote pre section article figure "  # noqa: SIM905
    "h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table thead tbody tfoot tr td th".split()
)
_BARE = frozenset(("nowrap", "noshade", "compact", "hidden", "reversed", "ismap", "border"))
"""Attributes that say something without a value."""


@lru_cache(maxsize=256)
def detected_format(content: str) -> ContentFormat:
    """Whether content is HTML: it has a complete tag that mail is made of.

    ``a < b``, ``<3``, ``<ann@example.com>``, ``<firstname>`` and ``if a<b then c>d`` are text.
    """
    return ContentFormat.HTML if _tags(content) else ContentFormat.TEXT


def is_html(content: str, given: str | None) -> bool:
    """Whether an email is HTML: by the format it was ``given``, else detected from its content."""
    return (given or detected_format(content)) == ContentFormat.HTML


@lru_cache(maxsize=256)
def keeps_lines(content: str) -> bool:
    """Whether content was written in lines: its tags emphasize words, none makes a line."""
    return not _tags(content) & _BLOCKS


def lines_to_breaks(html: str) -> str:
    """HTML whose lines are kept: a line break becomes a tag too."""
    return re.sub(r"\r?\n", "<br>\n", html)


def _tags(content: str) -> frozenset[str]:
    """The names of the tags in it that mail is made of."""
    if _DOCTYPE.search(content):
        return frozenset({"html"})
    found = _TAG.finditer(_LIQUID.sub("", content))
    return frozenset(tag[1].lower() for tag in found if _is_of_mail(tag[1].lower(), tag[2]))


def _is_of_mail(name: str, written: str) -> bool:
    attributes = _ATTRIBUTE.findall(written)
    if name in _WITH_ATTRIBUTES:
        return any(value for _, value in attributes)
    if name not in _INLINE and name not in _BLOCKS:
        return False
    return all(value or attribute.lower() in _BARE for attribute, value in attributes)
