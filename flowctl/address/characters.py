"""The characters around and inside an address that are no part of it.

``sql/routines/comparable_email.sql`` and ``comparable_phone.sql`` name the same ones; a test holds
them together.
"""

import re
import unicodedata

SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space as Unicode has it (White_Space, and the separators of ASCII), for a class."""

MARK = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
"""What is not seen (Default_Ignorable_Code_Point): directions, joiners, soft hyphens, byte order
marks. Spreadsheets and contact lists put them around numbers."""

_MARKS = re.compile(f"[{MARK}]")
_EDGES = re.compile(f"^[{SPACE}{MARK}]+|[{SPACE}{MARK}]+$")

_DIGITS = str.maketrans(
    "".join(
        chr(zero + digit) for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xE50) for digit in range(10)
    ),
    "0123456789" * 5,
)
"""Arabic, Persian, Devanagari, Bengali and Thai digits; full-width ones are NFKC's."""

_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "\xab": "\xbb"}


def without_marks(text: str) -> str:
    """A text without what is not seen."""
    return text if text.isascii() else _MARKS.sub("", text)


def bare(text: str) -> str:
    """A text without white space and what is not seen around it."""
    # what Python strips of ASCII is all of SPACE that ASCII has
    return text.strip() if text.isascii() else _EDGES.sub("", text)


def plain(text: str) -> str:
    """A text with full-width characters, and digits of other scripts, as ASCII has them."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_DIGITS)


def unquoted(text: str) -> str:
    """A text without the pair of quotes around all of it."""
    quote = _QUOTES.get(text[:1])
    if quote is None or len(text) == 1 or not text.endswith(quote):
        return text
    inner = text[1:-1]
    return text if quote in inner or text[0] in inner else bare(inner)
