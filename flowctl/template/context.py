"""What templates see: a lead's row, made fit to be printed in a message, and the message's moment.

The rule, for every text: no control characters but tab and newline, no bidirectional or invisible
marks, no blanks around it, at most ``VALUE_CAP`` characters. A column that holds a name
(``first_name``, ``company_name``) is one line of at most ``NAME_CAP`` characters, and counts as
missing where it holds a link: public forms write names, and a link would make the message an
advertisement.

A number prints as PostgreSQL writes it in JSON. A timestamp with an offset is on the clock of the
message's zone, whatever the zone of the session that wrote it; a date, a time and a timestamp
without an offset stay as they are.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from itertools import islice

from flowctl.jsonvalues import JsonDict, JsonList, Number
from flowctl.model import JsonObject

NAME_CAP = 80
"""Characters of a name."""
VALUE_CAP = 1_000
"""Characters of any other text."""
ITEMS_CAP = 1_000
"""Entries of a list or an object in a JSON column."""

NOW = ("now", "today")
"""The names of the message's moment."""
UNSUBSCRIBE_URL = "unsubscribe_url"
"""The name of the https: address at which the recipient unsubscribes."""
RESERVED = (*NOW, UNSUBSCRIBE_URL)
"""Names that are no columns. A column of that name goes first."""

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
# timestamptz as PostgreSQL's JSON writes it
_TIMESTAMPTZ = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d:\d\d(?::\d\d)?", re.ASCII
)


class TemplateContext(Mapping[str, object]):
    """A lead's columns as templates see them, cleaned when first looked up, and ``RESERVED``.

    ``now`` is the moment at which the message is taken to be sent, by the database's clock, and
    ``zone`` the zone in which it is read. ``unsubscribe_url`` is null where there is none.
    """

    __slots__ = ("_found", "_lead", "_now", "_unsubscribe_url", "zone")

    def __init__(
        self, lead: JsonObject, *, now: datetime, zone: tzinfo, unsubscribe_url: str | None = None
    ) -> None:
        self._lead = lead
        self._found: dict[str, object] = {}
        self._now = now
        self._unsubscribe_url = unsubscribe_url
        self.zone = zone

    @property
    def now(self) -> datetime:
        """The message's moment, on the clock of its zone."""
        return self._now.astimezone(self.zone)

    def __getitem__(self, name: str) -> object:
        if name not in self._found:
            self._found[name] = self._look_up(name)
        value = self._found[name]
        if value is None:
            raise KeyError(name)
        return value

    def _look_up(self, name: str) -> object:
        """A value, null where there is none."""
        if name in self._lead:
            return _on_clock(_cleaned(name, self._lead[name]), self.zone)
        if name in NOW:
            return self.now.isoformat()
        return self._unsubscribe_url if name == UNSUBSCRIBE_URL else None

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*RESERVED, *self._lead)))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _on_clock(value: object, zone: tzinfo) -> object:
    """A timestamp with an offset, on the clock of the zone; any other value as it is."""
    if not isinstance(value, str) or value[4:5] != "-" or not _TIMESTAMPTZ.fullmatch(value):
        return value
    try:
        return datetime.fromisoformat(value).astimezone(zone).isoformat()
    except (ValueError, OverflowError):  # 24:00:00, or the first day of year 1
        return value


def _cleaned(name: str, value: object) -> object:
    """A value of a column (or of a key in a JSON column); None where it counts as missing."""
    if isinstance(value, str):
        return _clean_name(value) if _holds_name(name) else _clean_text(value)
    if isinstance(value, Decimal):
        return Number(value)
    if value is None or isinstance(value, bool | int | float | date):
        return value
    if isinstance(value, Mapping):
        entries = ((_clean_text(str(key)), entry) for key, entry in value.items())
        return JsonDict((key, _cleaned(key, entry)) for key, entry in islice(entries, ITEMS_CAP))
    if isinstance(value, list | tuple):
        return JsonList(_cleaned(name, entry) for entry in islice(value, ITEMS_CAP))
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
    if ("." in value or ":" in value) and _LINK.search(value):
        return None
    return " ".join(value.split())[:NAME_CAP]
