"""What is done to leads: one is added, some that exist are enrolled in a flow, one is stopped."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches

from flowctl.address import AddressError, to_e164, to_email
from flowctl.database import Connection
from flowctl.errors import DatabaseUnavailable, InputError
from flowctl.settings import Settings
from flowctl.store import leads as store
from flowctl.store import preview as preview_store
from flowctl.store.leads import Column
from flowctl.store.messages import cancel_messages

BATCH = 1000
"""Leads enrolled in one transaction: few enough that nobody waits for it."""

STOPPED = "stopped by hand"
"""The reason of a stopped lead's messages where none is given."""


@dataclass(frozen=True, slots=True)
class AddResult:
    """A new lead, and how many messages were scheduled for it.

    ``unknown_zone`` is its timezone where the server has none of that name.
    """

    id: str
    scheduled: int
    unknown_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What enrolling leads in a flow would add; ``ids`` is null for all leads there are."""

    flow: str
    ids: tuple[str, ...] | None
    leads: int
    messages: int


@dataclass(frozen=True, slots=True)
class StopResult:
    """How many of a lead's messages were cancelled, and how many are being sent right now."""

    cancelled: int
    being_sent: int


def add_lead(connection: Connection, settings: Settings, values: Mapping[str, str]) -> AddResult:
    """Add a lead with these columns; an empty value is null. A phone is stored in E.164.

    Raises InputError for a column that does not exist or a value that it, or
    whoever is to write to the lead, cannot take.
    """
    columns = {column.name: column for column in store.leads_columns(connection)}
    for name in values:
        _check_column(name, columns)
    row = {name: value or None for name, value in _checked(values, settings).items()}
    for name, value in row.items():
        said = None if value is None else store.refusal(connection, columns[name], value)
        if said is not None:
            raise InputError(f"column {name}: {said}", hint=f"its type is {columns[name].type}")
    with connection.transaction():
        lead_id = store.insert_lead(connection, row)
        if lead_id is None:
            raise DatabaseUnavailable(
                "the database did not keep the lead: a trigger or rule on public.leads drops it",
                hint="look at the triggers of the table: \\d public.leads",
            )
        scheduled = store.count_lead_messages(connection, lead_id)
    return AddResult(lead_id, scheduled, _unknown_zone(connection, row.get("timezone")))


def plan_enrolment(connection: Connection, flow: str, lead_ids: Sequence[str] | None) -> Enrolment:
    """What enrolling these leads, or all, would add now; their ids are as the table has them.

    Raises InputError for a flow that does not exist.
    """
    names = preview_store.flow_names(connection)
    if flow not in names:
        raise InputError(f"there is no flow '{flow}'", hint=_nearest(flow, names))
    ids = None if lead_ids is None else tuple(lead_ids)
    leads = messages = 0
    for batch in _batches(connection, ids):
        missing = store.count_missing(connection, batch, flow)
        leads += missing.leads
        messages += missing.messages
    return Enrolment(flow, ids, leads, messages)


def enroll(connection: Connection, enrolment: Enrolment) -> int:
    """Schedule what the leads lack of the flow, some of them in each transaction; returns how many
    messages were added. It may be broken off and repeated."""
    return sum(
        store.enroll_leads(connection, batch, enrolment.flow)
        for batch in _batches(connection, enrolment.ids)
    )


def stop_lead(connection: Connection, lead_id: str, reason: str | None) -> StopResult:
    """Cancel a lead's pending messages; those being sent at this moment are left alone."""
    pending = store.pending_of_lead(connection, lead_id)
    cancelled = cancel_messages(connection, pending, reason or STOPPED, "stopped")
    return StopResult(cancelled, len(pending) - cancelled)


def _check_column(name: str, columns: Mapping[str, Column]) -> None:
    column = columns.get(name)
    if column is None:
        raise InputError(f"public.leads has no column '{name}'", hint=_nearest(name, list(columns)))
    if column.is_computed:
        raise InputError(f"column {name} is computed by the database", hint=f"leave out {name}=...")


def _checked(values: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The values with addresses that can be written to."""
    row = dict(values)
    with _refused("email"):
        if email := row.get("email", "").strip():
            to_email(email)
            row["email"] = email
    with _refused("phone"):
        if phone := row.get("phone", "").strip():
            row["phone"] = to_e164(phone, settings.default_region, None)
    return row


@contextmanager
def _refused(column: str) -> Iterator[None]:
    try:
        yield
    except AddressError as error:
        raise InputError(f"{error}", hint=f"correct the {column}; no lead was added") from error


def _unknown_zone(connection: Connection, written: str | None) -> str | None:
    if written is None or preview_store.known_zone(connection, written)[0] is not None:
        return None
    return written


def _batches(connection: Connection, ids: Sequence[str] | None) -> Iterator[Sequence[str]]:
    """These ids, or those of all leads, in batches."""
    if ids is not None:
        for begin in range(0, len(ids), BATCH):
            yield ids[begin : begin + BATCH]
        return
    start = store.first_lead(connection)
    while start is not None:
        found = store.leads_from(connection, start, BATCH + 1)
        yield found[:BATCH]
        start = found[BATCH] if len(found) > BATCH else None


def _nearest(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"did you mean '{close[0]}'?" if close else "known are " + ", ".join(known)
