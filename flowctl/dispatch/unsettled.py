"""Sends with an unknown outcome: their dispatcher died, or the answer never came."""

from datetime import timedelta
from typing import TYPE_CHECKING

from flowctl.dispatch.events import Event, EventKind, Observer
from flowctl.dispatch.ledger import Ledger
from flowctl.dispatch.lookup import LISTS_LAG, MARGIN, PAUSE, match
from flowctl.dispatch.outcomes import UNKNOWN_OUTCOME
from flowctl.errors import ProviderStopped
from flowctl.model import Channel
from flowctl.store.sends import Lookup
from flowctl.transports import TextLookup

if TYPE_CHECKING:
    from uuid import UUID

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
            provider_id = _find(ledger, provider, lookup, set(found.values()))
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
        ledger.settle(found, missing, waiting, PAUSE)
    for message_id, provider_id in found.items():
        tell(Event(EventKind.SENT, Channel.TEXT, message_id, detail=f"found: {provider_id}"))
    for message_id in missing:
        tell(Event(EventKind.RELEASED, Channel.TEXT, message_id, detail="not found: due again"))
    for message_id in waiting:
        tell(Event(EventKind.RETRYING, Channel.TEXT, message_id, detail="to be looked up"))
    if failure is not None:
        raise failure


def _find(ledger: Ledger, provider: TextLookup, lookup: Lookup, taken: set[str]) -> str | None:
    records = provider.find(lookup.recipient, lookup.begun_at - MARGIN)
    known = ledger.accounted_for([record.provider_id for record in records])
    record = match(lookup, records, known | taken)
    return None if record is None else record.provider_id
