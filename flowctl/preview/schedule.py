"""The two previews: of a lead in the database, and of one that does not exist."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from flowctl.database import Connection
from flowctl.errors import InputError
from flowctl.flowfile.zones import zone_name
from flowctl.leadlookup import find_lead
from flowctl.model import FlowSteps, JsonObject
from flowctl.preview.explanation import Zones
from flowctl.preview.files import file_rows, flows_of, synced_rows
from flowctl.preview.messages import Preview, Reader, addresses_of, previewed
from flowctl.selection import lead_name
from flowctl.settings import Settings
from flowctl.store import preview as preview_store
from flowctl.store.flows import flow_names
from flowctl.store.preview import Creation, ScheduleRow
from flowctl.text import did_you_mean


@dataclass(frozen=True, slots=True)
class NewLead:
    """A lead that does not exist.

    ``created`` has an offset, or is on the clock of ``timezone``, else of each flow's zone.
    ``row`` is null where none was given: then nothing is said about missing addresses.
    ``file`` holds flows to be used in place of those in the database.
    """

    created: datetime
    timezone: str | None = None
    row: JsonObject | None = None
    file: Sequence[FlowSteps] | None = None


def preview_lead(
    connection: Connection,
    settings: Settings,
    written: str,
    *,
    only_flow: str | None = None,
    file: Sequence[FlowSteps] | None = None,
    has_all: bool = False,
) -> Preview:
    """What a lead was sent and will be sent; with ``file``, once that is synced and its pending
    messages follow.

    Flows in which the lead has no message are left out, unless one is asked for or ``has_all``.
    Raises InputError for a lead or a flow that does not exist.
    """
    with _reading(connection):
        lead = find_lead(connection, settings, written)
        synced = None if file is None else synced_rows(connection, file)
        names = flow_names(connection) if synced is None else flows_of(synced)
        _check_flow(only_flow, names)
        rows = preview_store.schedule_of_lead(connection, lead.id, only_flow, synced)
        if not has_all and only_flow is None:
            entered = {row.flow for row in rows if row.status is not None}
            rows = [row for row in rows if row.flow in entered]
        return _preview(connection, settings, Reader(lead.row), rows, lead.id)


def preview_new_lead(
    connection: Connection, settings: Settings, new: NewLead, *, only_flow: str | None = None
) -> Preview:
    """What a lead would be sent, seen from the moment of its creation.

    Raises InputError for a flow or a zone that does not exist.
    """
    with _reading(connection):
        zone = None if new.timezone is None else _zone(connection, new.timezone)
        names = flow_names(connection)
        if new.file is not None:
            names = [entry.flow.name for entry in new.file]
        _check_flow(only_flow, names)
        row = {**(new.row or {}), **({} if zone is None else {"timezone": zone})}
        row.setdefault("created_at", new.created.isoformat())
        rows = preview_store.schedule_of_new_lead(
            connection,
            row,
            Creation(new.created, zone),
            only_flow=only_flow,
            file=None if new.file is None else file_rows(new.file),
        )
        reader = Reader(row, is_anybody=new.row is None)
        return _preview(connection, settings, reader, rows, None)


@contextmanager
def _reading(connection: Connection) -> Iterator[None]:
    """A transaction that cannot write."""
    with connection.transaction():
        connection.execute("set transaction read only")
        yield


def _preview(
    connection: Connection,
    settings: Settings,
    reader: Reader,
    rows: Sequence[ScheduleRow],
    lead_id: str | None,
) -> Preview:
    written = reader.row.get("timezone")
    text = None if written is None else str(written)
    own, fallback = preview_store.known_zone(connection, text)
    addresses = addresses_of(reader, settings)
    suppressed = dict(preview_store.suppressed(connection, addresses))
    messages = previewed(rows, reader, settings, Zones(text, own), suppressed)
    first = messages[0].zone if messages else fallback
    return Preview(lead_id, lead_name(reader.row), own or first, messages)


def _zone(connection: Connection, written: str) -> str:
    """The zone as the server spells it."""
    zone, _ = preview_store.known_zone(connection, written)
    if zone is not None:
        return zone
    try:
        expected = f"'{zone_name(written)}' is a zone, but this server does not know it"
    except ValueError as error:
        expected = f"give {error}"
    raise InputError(f"--timezone: '{written}' is not an IANA time zone", hint=expected)


def _check_flow(name: str | None, known: Sequence[str]) -> None:
    if name is None or name in known:
        return
    raise InputError(f"there is no flow '{name}'", hint=did_you_mean(name, known))
