"""A lead's row as templates see it: values from strangers, made fit to be printed in a message.

The rule, for every text: no control characters but tab and newline, no bidirectional or invisible
marks, no blanks around it, at most ``VALUE_CAP`` characters. A column that holds a name
(``first_name``, ``company_name``) is one line of at most ``NAME_CAP`` characters, and counts as
missing where it holds a link: public forms write names, and a link would make the message an
advertisement.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import islice

from flowctl.model import JsonObject

NAME_CAP = 80
"""Characters of a name."""
VALUE_CAP = 1_000
"""Characters of any other text."""
ITEMS_CAP = 1_000
"""Entries of a list or an object in a JSON column."""

# first_name, lastName, name_of_company; not tournament
_NAME_COLUMN = re.compile(r"name(?:$|[^a-z])|(?:^|_)name", re.IGNORECASE)
# Controls but tab and newline; bidirectional marks, embeddings, overrides and isolates; invisible
# spaces and operators; line and paragraph separators; halves of surrogate pairs. Joiners stay:
# emoji and several scripts need them.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"
    r"\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_LINK = re.compile(r"://|www\.|[a-z0-9-]\.[a-z]{2,24}/", re.IGNORECASE)


class LeadValues(Mapping[str, object]):
    """A lead's columns as templates see them, cleaned when they are looked up."""

    __slots__ = ("_lead",)

    def __init__(self, lead: JsonObject) -> None:
        self._lead = lead

    def __getitem__(self, column: str) -> object:
        value = _cleaned(column, self._lead[column])
        if value is None:
            raise KeyError(column)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._lead)

    def __len__(self) -> int:
        return len(self._lead)


def _cleaned(name: str, value: object) -> object:
    """A value of a column (or of a key in a JSON column); None where it counts as missing."""
    if isinstance(value, str):
        return _clean_name(value) if _holds_name(name) else _clean_text(value)
    if value is None or isinstance(value, bool | int | float | Decimal | date):
        return value
    if isinstance(value, Mapping):
        entries = ((_clean_text(str(key)), entry) for key, entry in value.items())
        cleaned = ((key, _cleaned(key, entry)) for key, entry in islice(entries, ITEMS_CAP))
        return {key: entry for key, entry in cleaned if entry is not None}
    if isinstance(value, list | tuple):
        return [_cleaned(name, entry) for entry in islice(value, ITEMS_CAP)]
    return _clean_text(str(value))


@lru_cache(maxsize=1024)
def _holds_name(column: str) -> bool:
    return _NAME_COLUMN.search(column) is not None


def _clean_text(value: str) -> str:
    value = value[: 4 * VALUE_CAP]
    if not value.isprintable():
        value = _UNPRINTABLE.sub("", value)
    return value.strip()[:VALUE_CAP]


def _clean_name(value: str) -> str | None:
    value = value[: 4 * NAME_CAP]
    if not value.isprintable():
        value = _UNPRINTABLE.sub("", value)
    if _LINK.search(value):
        return None
    return " ".join(value.split())[:NAME_CAP]
