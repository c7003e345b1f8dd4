"""Sends with an unknown outcome: their dispatcher died, or the answer never came."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from flowctl.dispatch.events import Event, EventKind, Observer
from flowctl.dispatch.ledger import Ledger, Settled
from flowctl.dispatch.lookup import LISTS_LAG, MARGIN, PAUSE, match
from flowctl.dispatch.outcomes import UNKNOWN_OUTCOME
from flowctl.errors import ProviderStopped
from flowctl.model import Channel
from flowctl.store.sends import Lookup
from flowctl.transports import TextLookup

LOOKUPS_AT_ONCE = 100
"""Texts looked up in one go; the rest follow in the next."""


def fail_unanswerable(ledger: Ledger, tell: Observer) -> None:
    """Fail the emails of dead dispatchers: they may have gone out, and nobody can be asked."""
    for message_id in ledger.rescue():
        tell(
            Event(
                EventKind.FAILED,
                Channel.EMAIL,
                message_id,
                detail=f"{UNKNOWN_OUTCOME}: the dispatcher stopped while sending",
                is_unknown=True,
            )
        )


def look_up_texts(
    ledger: Ledger, provider: TextLookup, tell: Observer, *, lag: timedelta = LISTS_LAG
) -> None:
    """Ask the provider about texts with an unknown outcome: what it has was sent, what it does not
    have ``lag`` after the send is due again, the rest is asked about later.

    Raises ProviderStopped when the provider gives no answer; nothing is lost then.
    """
    found: dict[UUID, str] = {}
    missing: list[UUID] = []
    waiting: list[UUID] = []
    lookups = ledger.claim_lookups(LOOKUPS_AT_ONCE)
    failure: ProviderStopped | None = None
    for number, lookup in enumerate(lookups):
        try:
            provider_id = _find(ledger, provider, lookup, lookups, set(found.values()))
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
        _tell(ledger.settle(found, missing, waiting, PAUSE), found, tell)
    if failure is not None:
        raise failure


def _tell(settled: Settled, found: Mapping[UUID, str], tell: Observer) -> None:
    text = Channel.TEXT
    for message_id in settled.sent:
        tell(Event(EventKind.SENT, text, message_id, detail=f"found: {found[message_id]}"))
    for message_id, has_failed in settled.unsent.items():
        if has_failed:
            tell(Event(EventKind.FAILED, text, message_id, detail="not found: no attempt left"))
        else:
            tell(Event(EventKind.RELEASED, text, message_id, detail="not found: due again"))
    for message_id in settled.later:
        tell(Event(EventKind.RETRYING, text, message_id, detail="to be looked up"))


def _find(
    ledger: Ledger,
    provider: TextLookup,
    lookup: Lookup,
    lookups: Sequence[Lookup],
    taken: set[str],
) -> str | None:
    records = provider.find(lookup.recipient, lookup.begun_at - MARGIN)
    known = ledger.accounted_for([record.provider_id for record in records])
    record = match(lookup, records, known | taken, lookups)
    return None if record is None else record.provider_id
