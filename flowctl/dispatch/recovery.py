"""Sends with an unknown outcome: their dispatcher died, or the answer never came.

An email fails, since nobody can be asked about it; a text is looked up at the provider before
anything else is done to it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from flowctl.dispatch.batches import Batches, LookupResult
from flowctl.dispatch.events import Event, EventKind, Observer
from flowctl.dispatch.outcomes import UNKNOWN_OUTCOME
from flowctl.errors import ProviderStopped
from flowctl.model import Channel, Outcome, OutcomeKind, TextRecord
from flowctl.store.recovery import Lookup
from flowctl.transports import TextLookup

LISTS_LAG = timedelta(minutes=5)
"""A text that the provider does not list this long after its send is taken as not accepted."""

LOOKUP_PAUSE = timedelta(minutes=1)
"""Between two looks at the provider's list for one text."""

CLOCK_MARGIN = timedelta(minutes=2)
"""How far the provider's clock may be from the database's."""

_SHORTEST_TAIL = 20

LOOKUPS_AT_ONCE = 100
"""Texts looked up in one go; the rest follow in the next."""


def fail_unanswerable(batches: Batches, report: Observer) -> None:
    """Fail the emails of dead dispatchers: they may have gone out, and nobody can be asked."""
    for message_id in batches.rescue():
        report(
            Event(
                EventKind.FAILED,
                Channel.EMAIL,
                message_id,
                detail=f"{UNKNOWN_OUTCOME}: the dispatcher stopped while sending",
                is_unknown=True,
            )
        )


def look_up_texts(
    batches: Batches, provider: TextLookup, report: Observer, *, lag: timedelta = LISTS_LAG
) -> None:
    """Ask the provider about texts with an unknown outcome: what it has was sent, what it does not
    have ``lag`` after the send is due again, the rest is asked about later.

    Raises ProviderStopped when the provider gives no answer; nothing is lost then.
    """
    found: dict[UUID, str] = {}
    missing: list[UUID] = []
    waiting: list[UUID] = []
    lookups = batches.claim_lookups(LOOKUPS_AT_ONCE)
    failure: ProviderStopped | None = None
    for number, lookup in enumerate(lookups):
        try:
            provider_id = _find(batches, provider, lookup, lookups, set(found.values()))
        except ProviderStopped as error:
            failure = error
            waiting += [other.message_id for other in lookups[number:]]
            break
        if provider_id is not None:
            found[lookup.message_id] = provider_id
        elif lookup.age >= lag:
            missing.append(lookup.message_id)
        else:
            waiting.append(lookup.message_id)
    if lookups:
        _report(batches.resolve(found, missing, waiting, LOOKUP_PAUSE), found, report)
    if failure is not None:
        raise failure


def look_up_channel(batches: Batches, provider: TextLookup, report: Observer) -> Outcome | None:
    """As ``look_up_texts``; returns why the channel stops where the provider gives no answer."""
    try:
        look_up_texts(batches, provider, report)
    except ProviderStopped as error:
        return Outcome(OutcomeKind.CHANNEL_STOPPED, detail=error.message, hint=error.hint)
    return None


def _report(result: LookupResult, found: Mapping[UUID, str], report: Observer) -> None:
    text = Channel.TEXT
    for message_id in result.sent:
        report(Event(EventKind.SENT, text, message_id, detail=f"found: {found[message_id]}"))
    for message_id, has_failed in result.unsent.items():
        if has_failed:
            report(Event(EventKind.FAILED, text, message_id, detail="not found: no attempt left"))
        else:
            report(Event(EventKind.RELEASED, text, message_id, detail="not found: due again"))
    for message_id in result.later:
        report(Event(EventKind.RETRYING, text, message_id, detail="to be looked up"))


def _find(
    batches: Batches,
    provider: TextLookup,
    lookup: Lookup,
    lookups: Sequence[Lookup],
    taken: set[str],
) -> str | None:
    records = provider.find(lookup.recipient, lookup.begun_at - CLOCK_MARGIN)
    known = batches.accounted_for([record.provider_id for record in records])
    record = match(lookup, records, known | taken, lookups)
    return None if record is None else record.provider_id


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
        and record.created_at >= lookup.begun_at - CLOCK_MARGIN
    ]
    sought = _folded(lookup.content)
    for record in candidates:
        if same_words(record.body, lookup.content):
            return record
    others = {_folded(other.content) for other in lookups if other.recipient == lookup.recipient}
    for record in candidates:
        body = _folded(record.body)
        if body not in others and _alike(sought, body):
            return record
    return None


def same_words(body: str, other: str) -> bool:
    """Whether two bodies are alike but for what encodings and trimming change."""
    return _folded(body) == _folded(other)


def _folded(body: str) -> str:
    """A body without what encodings and trimming change; one without letters stays as it is."""
    return "".join(c for c in body.casefold() if c.isalnum()) or body.strip()


def _alike(sought: str, listed: str) -> bool:
    """Whether only a prefix was added, or a link changed."""
    if listed.endswith(sought) or (len(sought) >= _SHORTEST_TAIL and sought in listed):
        return True
    tail = max(_SHORTEST_TAIL, len(sought) // 2)
    return len(sought) > tail and (sought[:tail] in listed or sought[-tail:] in listed)
