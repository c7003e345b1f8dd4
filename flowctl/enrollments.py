"""Where leads stand: one lead in all its flows, or all leads in one flow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flowctl.database import Connection
from flowctl.leadlookup import find_lead
from flowctl.model import Channel, Status
from flowctl.rendering import CannotSend, recipient_of
from flowctl.selection import check_flow, comparable_address, lead_name, steps_named
from flowctl.settings import Settings
from flowctl.store import enrollments as store
from flowctl.store import stops as stop_store
from flowctl.store.enrollments import Enrollment
from flowctl.store.leads import LeadRow
from flowctl.store.preview import known_zone, suppressed
from flowctl.store.status import UndeliveredCount
from flowctl.store.stops import Stop


class State(StrEnum):
    """How a lead stands in a flow."""

    ACTIVE = "active"
    FINISHED = "finished"
    STOPPED = "stopped"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class LeadSummary:
    """A lead and where it stands. ``zone_source`` says where its zone comes from; ``suppressed``
    are its addresses that must not be written to,
    ``undelivered`` what was sent to it in vain."""

    lead: LeadRow
    name: str
    timezone: str
    zone_source: str
    flows: Sequence[Enrollment]
    messages: Mapping[Status, int]
    suppressed: Sequence[str]
    undelivered: Sequence[UndeliveredCount]
    stops: Sequence[Stop]


@dataclass(frozen=True, slots=True)
class ListedLead:
    """A lead in a flow: its addresses as its row has them, its state, the step it stands at."""

    id: str
    email: str | None
    phone: str | None
    flow: str
    state: str
    step: str | None
    next_due: datetime | None
    name: str


def show_lead(connection: Connection, settings: Settings, written: str) -> LeadSummary:
    """A lead and where it stands. Raises InputError where no one lead is meant."""
    lead = find_lead(connection, settings, written)
    own = lead.text("timezone")
    zone, fallback = known_zone(connection, own)
    if zone is not None:
        source = "its own"
    elif own is None:
        source = "the flow's, since it has none"
    else:
        source = f"the flow's, since {own!r} is not a zone"
    return LeadSummary(
        lead,
        lead_name(lead.row) or lead.id,
        zone or fallback,
        source,
        flows=store.enrollments_of_lead(connection, lead.id),
        messages=store.message_counts(connection, lead.id),
        suppressed=_suppressed(connection, settings, lead),
        undelivered=store.undelivered_to_lead(connection, lead.id),
        stops=stop_store.stops_of_lead(connection, lead.id),
    )


def list_leads(
    connection: Connection,
    *,
    flow: str | None,
    state: State | None,
    at: str | None,
    limit: int | None,
) -> list[ListedLead]:
    """The leads in flows. ``at`` is the key of a step, or ``#`` and its order.

    Raises InputError for a flow or a key that is not there.
    """
    if flow is not None:
        check_flow(connection, flow)
    found = store.list_enrollments(connection, flow=flow, state=state, at=at, limit=limit)
    if not found and at is not None and not at.startswith("#"):
        steps_named(connection, at)
    rows = [(one, LeadRow(one.id, one.row)) for one in found]
    return [
        ListedLead(
            one.id,
            lead.text("email"),
            lead.text("phone"),
            one.flow,
            one.state,
            one.step,
            one.next_due,
            lead_name(one.row) or one.id,
        )
        for one, lead in rows
    ]


def _suppressed(connection: Connection, settings: Settings, lead: LeadRow) -> list[str]:
    """The lead's addresses that must not be written to."""
    addresses = {}
    for channel in Channel:
        try:
            recipient = recipient_of(lead.row, channel, settings)
        except CannotSend:
            continue
        addresses[channel] = comparable_address(settings, recipient)
    return sorted(address for _, address in suppressed(connection, addresses.items()))
