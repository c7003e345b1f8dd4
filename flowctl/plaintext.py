"""The plain-text part of an email that was written in HTML.

Pure, small and forgiving: broken markup never makes it fail. It keeps what a reader would see,
and the address of each link beside its text.
"""

import re
from html.parser import HTMLParser

_HIDDEN = frozenset({"head", "script", "style", "template", "title"})
_PARAGRAPHS = frozenset(
    {"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"}
)
_LINES = frozenset(
    {"address", "article", "body", "br", "center", "dd", "div", "dt", "footer", "form", "header"}
    | {"li", "main", "nav", "section", "tr"}
)
_CELLS = frozenset({"td", "th"})
_LINKS = ("http:", "https:", "mailto:", "tel:")
_SPACES = re.compile(r"[ \t\n\r\f]+")
_RULE = "-" * 20


def html_to_text(html: str) -> str:
    """What an HTML message says, as plain text without a line break at its end.

    Paragraphs, headings, lists and tables stand apart by an empty line; a link is
    ``text (address)`` unless its text is the address; a picture is its alternative text. White
    space collapses, except in ``pre``. Styles, scripts and the head are dropped.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Collects text; breaks and spaces are owed until the next word, so none pile up."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._written: list[str] = []
        self._breaks = 0
        self._space = False
        self._hidden: str | None = None
        self._preformatted = False
        self._lists: list[int | None] = []
        self._link: tuple[str, int] | None = None

    def text(self) -> str:
        """All that was read."""
        lines = "".join(self._written).split("\n")
        return "\n".join(line.rstrip() for line in lines).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self._hidden = None
        if self._hidden is not None:
            return
        if tag in _HIDDEN:
            self._hidden = tag
            return
        self._break_around(tag)
        given = dict(attrs)
        if tag in {"ul", "ol"}:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._write(self._bullet())
        elif tag == "a":
            self._link = (given.get("href") or "", len(self._written))
        elif tag == "img":
            self.handle_data(given.get("alt") or "")
        elif tag == "hr":
            self._write(_RULE)
            self._owe(2)
        elif tag == "pre":
            self._preformatted = True

    def handle_endtag(self, tag: str) -> None:
        if self._hidden is not None:
            if tag == self._hidden:
                self._hidden = None
            return
        if tag == "a":
            self._end_link()
        elif tag == "pre":
            self._preformatted = False
        elif tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        if tag != "br":
            self._break_around(tag)

    def handle_data(self, data: str) -> None:
        if self._hidden is not None:
            return
        if self._preformatted:
            self._write(data)
            return
        words = _SPACES.sub(" ", data)
        if words.startswith(" "):
            self._space = True
        if words.strip(" "):
            self._write(words.strip(" "))
            self._space = words.endswith(" ")

    def _break_around(self, tag: str) -> None:
        if tag == "br":
            self._breaks += 1
        elif tag in _PARAGRAPHS:
            # A list inside a list stands no further apart than its items.
            self._owe(1 if tag in {"ul", "ol"} and self._lists else 2)
        elif tag in _LINES:
            self._owe(1)
        elif tag in _CELLS:
            self._space = True

    def _owe(self, breaks: int) -> None:
        self._breaks = max(self._breaks, breaks)

    def _write(self, text: str) -> None:
        if self._breaks and self._written:
            self._written.append("\n" * min(self._breaks, 2))
        elif self._space and self._written and not self._breaks:
            self._written.append(" ")
        self._breaks, self._space = 0, False
        self._written.append(text)

    def _bullet(self) -> str:
        indent = "  " * max(len(self._lists) - 1, 0)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number + 1}. "

    def _end_link(self) -> None:
        if self._link is None:
            return
        href, start = self._link
        self._link = None
        shown = "".join(self._written[start:]).strip()
        if href.lower().startswith(_LINKS) and shown not in {href, href.partition(":")[2]}:
            self._space = bool(shown)
            self._write(f"({href})" if shown else href)
