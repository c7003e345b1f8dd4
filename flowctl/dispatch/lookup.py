"""Texts whose outcome is unknown are looked up at the provider before anything else is done to
them.
"""

from collections.abc import Sequence
from datetime import timedelta

from flowctl.model import TextRecord
from flowctl.store.sends import Lookup

LISTS_LAG = timedelta(minutes=5)
"""A text that the provider does not list this long after its send is taken as not accepted."""

PAUSE = timedelta(minutes=1)
"""Between two looks at the provider's list for one text."""

MARGIN = timedelta(minutes=2)
"""How far the provider's clock may be from the database's."""

_SHORTEST_TAIL = 20


def match(
    lookup: Lookup, records: Sequence[TextRecord], taken: set[str], lookups: Sequence[Lookup]
) -> TextRecord | None:
    """The provider's record of a text, if it has one that belongs to no other message of ours.

    Providers change what they deliver (a trial account puts a sentence in front, links are
    shortened, quotes are straightened), so bodies are compared by what is left of them; but one
    that is exactly what another of ``lookups`` has handed over to the number is that one's.
    """
    candidates = [
        record
        for record in records
        if not record.inbound
        and record.provider_id not in taken
        and record.recipient == lookup.recipient
        and record.created_at >= lookup.begun_at - MARGIN
    ]
    sought = _folded(lookup.content)
    for record in candidates:
        if _folded(record.body) == sought:
            return record
    others = {_folded(other.content) for other in lookups if other.recipient == lookup.recipient}
    for record in candidates:
        body = _folded(record.body)
        if body not in others and _alike(sought, body):
            return record
    return None


def _folded(body: str) -> str:
    """A body without what encodings and trimming change; one without letters stays as it is."""
    return "".join(c for c in body.casefold() if c.isalnum()) or body.strip()


def _alike(sought: str, listed: str) -> bool:
    """Whether only a prefix was added, or a link changed."""
    if listed.endswith(sought) or (len(sought) >= _SHORTEST_TAIL and sought in listed):
        return True
    tail = max(_SHORTEST_TAIL, len(sought) // 2)
    return len(sought) > tail and (sought[:tail] in listed or sought[-tail:] in listed)
