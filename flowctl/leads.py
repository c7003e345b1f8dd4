"""What is done to leads: one is added, enrolled in a flow, moved to another, forgotten."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowctl.database import Connection
from flowctl.errors import DatabaseUnavailable, InputError, UsageError
from flowctl.leadfile.cells import clean
from flowctl.leadfile.columns import Column, Kind
from flowctl.leadfile.values import ValueRefused, reader
from flowctl.leadlookup import find_each, find_lead
from flowctl.selection import check_flow, lead_name
from flowctl.settings import Settings
from flowctl.store import leads as store
from flowctl.store import leads_import as import_store
from flowctl.store import stops
from flowctl.text import did_you_mean

BATCH = 1000
"""Leads enrolled in one transaction: few enough that nobody waits for it."""


@dataclass(frozen=True, slots=True)
class AddResult:
    """A new lead, and how many messages were scheduled for it.

    ``unknown_zone`` is its timezone where the server has none of that name.
    """

    id: str
    scheduled: int
    unknown_zone: str | None = None


@dataclass(frozen=True, slots=True)
class EnrollmentPlan:
    """What enrolling leads in a flow would add: ``messages`` for so many ``leads``; ``left_out``
    counts the others by reason. ``ids`` is null for all leads there are."""

    flow: str
    ids: tuple[str, ...] | None
    from_now: bool
    leads: int
    messages: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MoveResult:
    """How many messages were cancelled in the one flow, and scheduled in the other."""

    cancelled: int
    scheduled: int


@dataclass(frozen=True, slots=True)
class ForgetPlan:
    """Who is to be erased, and how many messages with it."""

    lead_id: str
    name: str
    messages: int


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


def plan_enrollment(
    connection: Connection,
    settings: Settings,
    flow: str,
    leads: Sequence[str] | None,
    *,
    from_now: bool = False,
) -> EnrollmentPlan:
    """What enrolling these leads, or all, would add; ``from_now`` counts their days from now.

    Raises InputError for a flow that does not exist.
    """
    check_flow(connection, flow)
    ids = (
        None if leads is None else tuple(lead.id for lead in find_each(connection, settings, leads))
    )
    taken = messages = 0
    left_out: Counter[str] = Counter()
    for batch in _batches(connection, ids):
        for entry in store.plan_enrollment(connection, batch, flow, from_now=from_now):
            if entry.reason is None:
                taken += entry.leads
                messages += entry.messages
            else:
                left_out[entry.reason] += entry.leads
    return EnrollmentPlan(flow, ids, from_now, taken, messages, left_out)


def enroll(connection: Connection, plan: EnrollmentPlan) -> int:
    """Schedule what the leads lack of the flow, some of them in each transaction; returns how many
    messages were added. It may be broken off and repeated."""
    return sum(
        store.enroll_leads(connection, batch, plan.flow, from_now=plan.from_now)
        for batch in _batches(connection, plan.ids)
    )


def move_lead(
    connection: Connection, settings: Settings, written: str, origin: str, target: str
) -> MoveResult:
    """Take a lead out of one flow, where it stays stopped, and enroll it in another from now, in
    one transaction.

    Raises InputError where no one lead or no flow is meant, or nothing of the other flow would be
    scheduled; then nothing is changed.
    """
    for flow in (origin, target):
        check_flow(connection, flow)
    if origin == target:
        raise InputError("both flows are the same", hint="give two flows")
    lead = find_lead(connection, settings, written)
    with connection.transaction():
        stops.lock_lead(connection, lead.id)
        stops.add_stop(connection, lead.id, origin, f"moved to {target}")
        cancelled = stops.stop_messages(connection, lead.id, origin, f"moved to {target}")
        reasons = store.plan_enrollment(connection, [lead.id], target, from_now=True)
        scheduled = store.enroll_leads(connection, [lead.id], target, from_now=True)
        if not scheduled:
            why = next((entry.reason for entry in reasons if entry.reason), "it has no steps")
            raise InputError(
                f"nothing of {target} would be scheduled for the lead: {why}; nothing changed",
                hint="flowctl leads show LEAD says where it stands",
            )
    return MoveResult(cancelled, scheduled)


def plan_forgetting(connection: Connection, settings: Settings, written: str) -> ForgetPlan:
    """Who would be erased. Raises InputError where no one lead is meant."""
    lead = find_lead(connection, settings, written)
    messages = store.count_lead_messages(connection, lead.id)
    return ForgetPlan(lead.id, lead_name(lead.row) or lead.id, messages)


def forget_lead(connection: Connection, plan: ForgetPlan) -> None:
    """Erase the lead, and with it its messages, also those in the archive."""
    with connection.transaction():
        store.forget_lead(connection, plan.lead_id)


def _check_column(name: str, columns: Mapping[str, Column]) -> None:
    column = columns.get(name)
    if column is None:
        raise InputError(
            f"public.leads has no column '{name}'", hint=did_you_mean(name, list(columns))
        )
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
