"""What stands in a cell of a file, as it is meant."""

import re
import unicodedata

INVISIBLE = "".join(
    character
    for character in map(chr, range(0x10000))
    if character.isspace() or unicodedata.category(character) in {"Cc", "Cf"}
)
"""White space, control characters, byte order marks, marks of direction and of joining."""

_LONGEST = 40
_NOT_WORD = re.compile(r"[\W_]+")


def clean(cell: str) -> str:
    """A cell without white space and invisible marks around what it says."""
    return cell.strip(INVISIBLE)


def fold(text: str) -> str:
    """A header, or a word in a cell, as it is compared: without case, accents, blanks and signs."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
    return _NOT_WORD.sub("", unicodedata.normalize("NFC", bare))


def words(text: str) -> tuple[str, ...]:
    """The words of a header, each folded; ``HasOptedOutOfEmail`` has five."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return tuple(filter(None, map(fold, _NOT_WORD.split(parted))))


def shown(cell: str) -> str:
    """A cell as it may stand in a message: one line, not too long, in quotes."""
    text = " ".join(cell.split())
    return f"'{text[:_LONGEST]}...'" if len(text) > _LONGEST else f"'{text}'"
