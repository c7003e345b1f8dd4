r"""Text for people: what may hold anything made safe to look at, numbers with their nouns, guesses.

A terminal obeys control characters and reorders around bidi marks; here they are written out, as
``\x1b`` or ``\u202e``. Nothing is dropped, so that what is odd can be seen and searched for.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_SEPARATORS = "\u2028\u2029\ufeff"
_CONTROLS = "\x00-\x1f\x7f-\x9f"
_SURROGATES = "\ud800-\udfff"
CONTROL = re.compile(f"[{_CONTROLS}\u2028\u2029]")
"""What no setting, address or header may hold: it ends a line, or is obeyed."""
_UNSAFE = re.compile(f"[{_CONTROLS}{_BIDI}{_SEPARATORS}{_SURROGATES}]")
_UNSAFE_BUT_LINES = re.compile(
    f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}{_SEPARATORS}{_SURROGATES}]",
)
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape(text: str, *, lines: bool = False) -> str:
    """``text`` without a character that a terminal would obey.

    ``lines`` keeps line feeds and tabs, for bodies of messages; a carriage return before a line
    feed is then dropped, since it only says how the line ended.
    """
    if lines:
        return _UNSAFE_BUT_LINES.sub(_written_out, text.replace("\r\n", "\n"))
    return _UNSAFE.sub(_written_out, text)


def json_safe(document: str) -> str:
    """A JSON text in which those characters are JSON escapes: the document means the same."""
    return _UNSAFE_BUT_LINES.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def one_line(text: str, longest: int = 500) -> str:
    """The text without control and direction characters, in one line of at most so many
    characters."""
    line = " ".join(_INVISIBLE.sub(" ", text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def plural(number: int, noun: str) -> str:
    """A number with its noun: ``1 message``, ``2 messages``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` is probably meant to be, null where none is like it."""
    names = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), names, n=1)
    return names[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is not known: the nearest one, else all of them."""
    names = list(known)
    found = nearest(word, names)
    return f"did you mean '{found}'?" if found else "known are " + ", ".join(names)


def _written_out(match: re.Match[str]) -> str:
    character = match[0]
    return _NAMED.get(character) or ascii(character)[1:-1]
