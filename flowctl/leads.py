"""What is done to leads: one is added, some that exist are enrolled in a flow, one is stopped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from flowctl.database import Connection
from flowctl.errors import DatabaseUnavailable, InputError, UsageError
from flowctl.leadfile.cells import clean
from flowctl.leadfile.columns import Column, Kind
from flowctl.leadfile.values import ValueRefused, reader
from flowctl.settings import Settings
from flowctl.store import leads as store
from flowctl.store import leads_import as import_store
from flowctl.store import preview as preview_store
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
    """Add a lead with these columns; an empty value is null. Phones, dates, numbers and yes or no
    are read as in an imported file.

    Raises InputError for a column that does not exist or a lead that the database refuses, and
    UsageError for a value that its column cannot take.
    """
    columns = {column.name: column for column in store.leads_columns(connection)}
    for name in values:
        _check_column(name, columns)
    row = {
        name: _read(connection, columns[name], value, settings) for name, value in values.items()
    }
    written = row.get("timezone")
    zone = None if written is None else import_store.zones_of(connection, [written])[written]
    clock = zone or import_store.fallback_zone(connection)
    with connection.transaction():
        wanted = [columns[name] for name in row]
        done = import_store.insert_leads(connection, wanted, [[*row.values(), clock]])
        if done.refused:
            raise InputError(done.refused[0][1], hint="no lead was added")
        if not done.ids:
            raise DatabaseUnavailable(
                "the database did not keep the lead: a trigger or rule on public.leads drops it",
                hint="look at the triggers of the table: \\d public.leads",
            )
        lead_id = str(done.ids[0])
        scheduled = store.count_lead_messages(connection, lead_id)
    return AddResult(lead_id, scheduled, written if zone is None else None)


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


def _read(connection: Connection, column: Column, written: str, settings: Settings) -> str | None:
    """A value as its column takes it. Raises UsageError."""
    text = written if _is_plain(column) else clean(written)
    if not text:
        return None
    if not _is_plain(column):
        try:
            text = reader(column, region=settings.default_region, order=None)(text)
        except ValueRefused as error:
            raise UsageError(
                f"{column.name}: {error}", hint=f"correct the {column.name}; no lead was added"
            ) from error
    refused = import_store.refusal(connection, column, text)
    if refused is not None:
        raise UsageError(f"{column.name}: {refused}", hint=f"its type is {column.type}")
    return text


def _is_plain(column: Column) -> bool:
    """Whether a column takes any text as it is."""
    return column.kind is Kind.TEXT and column.name not in {"email", "phone", "timezone"}


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
