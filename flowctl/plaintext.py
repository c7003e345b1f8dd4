"""The plain-text part of an email that was written in HTML.

Pure, small and forgiving: broken markup never makes it fail. It keeps what a reader would see,
and the address of each link beside its text.
"""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from flowctl.visibility import Stylesheet

_DROPPED = frozenset({"head", "script", "template", "title"})
_VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_ENDED_BY_NEXT = frozenset({"dd", "dt", "li", "option", "p", "td", "th", "tr"})
"""Elements whose end tag people leave out: another one of the kind ends them."""
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
# Behind the words of a preheader lists of mails are filled with these, one beside the other.
_INVISIBLE = "\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u2060-\u2064\ufeff"
_GAP = re.compile(rf"[\s{_INVISIBLE}]+")
_PADDING = re.compile(rf"[{_INVISIBLE}]\s*[{_INVISIBLE}]")
_ENDS_ADDRESS = re.compile(r"[.,;:!?)\]}>\u00bb\u201d\u2019\"']*(?:\s|$)")
_EXPONENT = re.compile(r"[-+\u2212]?(?:\d+(?:[.,/]\d+)?|[a-z])", re.IGNORECASE | re.ASCII)
_POWER = re.compile(r"[-+\u2212]?\w+(?:[-+*/\u2212]\w+)+", re.ASCII)
_INDEX = re.compile(r"\w{1,3}", re.ASCII)
_ORDINALS = frozenset("adeor")
"""``1<sup>e</sup>`` is the first in French, and no power."""
_DEEPEST = 10
"""Lists inside one another that are indented."""
_RULE = "-" * 20


def html_to_text(html: str) -> str:
    """What an HTML message says, as plain text without a line break at its end.

    Paragraphs, headings, lists and tables stand apart by an empty line; a link is
    ``text (address)`` unless its text is the address; a picture is its alternative text. White
    space collapses, except in ``pre``. What is hidden, by its style too, is left out.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


@dataclass(slots=True)
class _List:
    """An open list; ``number`` is that of its next item, null where it has bullets."""

    number: int | None
    has_items: bool = False


class _Reader(HTMLParser):
    """Collects text; breaks and spaces are owed until the next word, so none pile up."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._written: list[str] = []
        self._breaks = 0
        self._space = False
        self._styles = Stylesheet()
        self._hidden: tuple[str, int] | None = None
        self._in_style = False
        self._is_preformatted = False
        self._lists: list[_List] = []
        self._is_after_bullet = False
        self._cells: list[int] = []
        self._raised: tuple[str, int] | None = None
        self._link: tuple[str, int] | None = None
        self._after_address = False

    def text(self) -> str:
        """All that was read."""
        self._end_link()
        lines = "".join(self._written).split("\n")
        return "\n".join(line.rstrip() for line in lines).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "body":
            self._hidden = None
        if tag == "style":
            self._in_style = True
        elif self._is_inside_hidden(tag):
            return
        elif tag in _DROPPED or self._styles.hides(given):
            if tag not in _VOID:
                self._hidden = (tag, 1)
        else:
            self._break_around(tag)
            self._start(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False
        elif self._hidden is not None:
            hider, depth = self._hidden
            if tag == hider:
                self._hidden = (hider, depth - 1) if depth > 1 else None
        else:
            self._end(tag)
            if tag not in _VOID:
                self._break_around(tag)

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._styles.add(data)
        elif self._hidden is None and self._is_preformatted:
            self._write(data.removeprefix("\n") if self._breaks else data)
        elif self._hidden is None:
            self._write_words(_SPACES.sub(" ", _GAP.sub(_without_padding, data)))

    def _is_inside_hidden(self, tag: str) -> bool:
        """Whether a start tag stands in a hidden element; it may also be what ends that."""
        if self._hidden is None:
            return False
        hider, depth = self._hidden
        if tag == hider and depth == 1 and tag in _ENDED_BY_NEXT:
            self._hidden = None
            return False
        if tag == hider:
            self._hidden = (hider, depth + 1)
        return True

    def _start(self, tag: str, given: dict[str, str | None]) -> None:
        match tag:
            case "ul" | "ol":
                start = _number(given.get("start"), 1)
                self._lists.append(_List(start if tag == "ol" else None))
            case "li":
                self._start_item(given.get("value"))
            case "a":
                self._end_link()
                self._link = (given.get("href") or "", len(self._written))
            case "img":
                self._write_words(_SPACES.sub(" ", given.get("alt") or ""))
            case "hr":
                self._write(_RULE)
                self._owe(2)
            case "pre":
                self._is_preformatted = True
            case "sup" | "sub":
                self._raised = (tag, len(self._written))
            case "td" | "th":
                self._cells.append(len(self._written))
            case _:
                pass

    def _end(self, tag: str) -> None:
        match tag:
            case "ul" | "ol" if self._lists:
                self._lists.pop()
            case "a":
                self._end_link()
            case "pre":
                self._is_preformatted = False
                self._written[-1:] = [last.rstrip("\n") for last in self._written[-1:]]
            case "sup" | "sub":
                self._end_raised()
            case "td" | "th" if self._cells:
                self._end_cell(self._cells.pop())

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

    def _write_words(self, words: str) -> None:
        """A text whose white space has collapsed; blanks around it are owed."""
        if words.startswith(" "):
            self._space = True
        if words.strip():
            self._write(words.strip(" "))
            self._space = words.endswith(" ")
        elif words:
            self._space = True

    def _write(self, text: str, *, level: int | None = None) -> None:
        """Write a text behind what is owed; on a new line it is indented by the lists it is in."""
        if self._is_after_bullet:
            self._breaks, self._space, self._is_after_bullet = 0, False, False
        if self._after_address and not _ENDS_ADDRESS.match(text):
            self._space = True
        if self._breaks and self._written:
            depth = len(self._lists) if level is None else level
            indent = "" if self._is_preformatted else "  " * min(depth, _DEEPEST)
            self._written.append("\n" * min(self._breaks, 2) + indent)
        elif self._space and self._written and not self._breaks:
            self._written.append(" ")
        self._breaks, self._space, self._after_address = 0, False, False
        self._written.append(text)

    def _start_item(self, value: str | None) -> None:
        if not self._lists:
            self._write("- ")
        else:
            inner = self._lists[-1]
            if inner.has_items:
                self._breaks = 1
            inner.has_items = True
            bullet = "- "
            if inner.number is not None:
                number = _number(value, inner.number)
                inner.number = number + 1
                bullet = f"{number}. "
            self._write(bullet, level=len(self._lists) - 1)
        self._is_after_bullet = True

    def _end_link(self) -> None:
        if self._link is None:
            return
        href, start = self._link
        self._link = None
        if not href.lower().startswith(_LINKS):
            return
        shown = "".join(self._written[start:]).strip()
        breaks = self._breaks
        if not shown:
            self._space = self._space or self._last().isalnum()
            self._write(href)
        elif shown not in {href, href.partition(":")[2]}:
            self._breaks, self._space = 0, True
            self._write(f"({href})")
            self._breaks = breaks
        self._after_address = True

    def _end_raised(self) -> None:
        """``m^2`` for a raised 2; but ``1st``, ``H2O``."""
        if self._raised is None:
            return
        tag, start = self._raised
        self._raised = None
        if start < len(self._written) and self._last(start).isalnum():
            text = "".join(self._written[start:])
            self._written[start:] = [_raised(tag, self._last(start), text)]

    def _end_cell(self, start: int) -> None:
        """A cell of several lines stands on lines of its own."""
        written = self._written[start:]
        if "\n" in "".join(written).strip():
            if written[0] == " ":
                self._written[start] = "\n"
            self._owe(1)

    def _last(self, end: int | None = None) -> str:
        """The last character written before the piece ``end``, empty where there is none."""
        place = len(self._written) if end is None else end
        return self._written[place - 1][-1:] if place else ""


def _without_padding(gap: re.Match[str]) -> str:
    return " " if _PADDING.search(gap[0]) else gap[0]


def _number(written: str | None, default: int) -> int:
    """The number of a list item; ``default`` for what is none."""
    text = (written or "").strip()
    return int(text) if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else default


def _raised(tag: str, base: str, text: str) -> str:
    """What stands in ``sup`` or ``sub`` behind the character ``base``."""
    if tag == "sub":
        is_formula = text.isdigit() and not base.isdigit()
        return text if is_formula or not _INDEX.fullmatch(text) else f"_{text}"
    if _EXPONENT.fullmatch(text) and not (base.isdigit() and text in _ORDINALS):
        return f"^{text}"
    return f"^({text})" if _POWER.fullmatch(text) else text
