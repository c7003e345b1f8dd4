"""A lead's schedule with the messages it already has (``preview.sql``); only reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Json

from flowctl.database import Connection, query
from flowctl.jsonvalues import to_json
from flowctl.model import Channel, JsonObject, Status


@dataclass(frozen=True, slots=True)
class Creation:
    """When a lead that does not exist would be created: a time with an offset, or without one a
    time on the wall clock of ``zone`` (null: of each flow's zone)."""

    at: datetime
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A step and its message, or a message whose step was deleted (``flow`` is null) or that never
    had one (``is_own``); ``is_lead`` says whether the lead exists.

    ``status`` and what belongs to a message are null where there is none. ``subject`` and
    ``content`` are templates, but what was sent where it was. ``skipped`` says why the step is not
    scheduled, ``stopped`` what will keep its pending message from being sent, ``waits_until`` until
    when it waits for the flow's gap after the message before it, or for its window. Names that end
    in ``_local`` are the timestamp of the same name on the clock of ``zone``, without offset.

    The rest is how the time came about, null for a deleted step: ``seen_at`` is when the
    schedule was computed, ``planned_for`` the step's own time, ``computed_for`` that time put
    into the future and into the send window. ``planned_repeats``: the clock shows it twice.
    ``is_moved_by_rules``: the message has another time because the rules of its zone have changed.
    ``created_at`` is null where the lead has none that can be used; of a lead that was enrolled
    at a time of its own (``is_enrolled``) it is that time.
    """

    is_lead: bool
    is_own: bool
    is_enrolled: bool
    flow: str | None
    key: str | None
    step_order: int | None
    channel: Channel
    subject: str | None
    content: str | None
    format: str | None
    status: Status | None
    recipient: str | None
    error: str | None
    scheduled_for: datetime
    scheduled_local: datetime
    sent_at: datetime | None
    sent_local: datetime | None
    retry_at: datetime | None
    retry_local: datetime | None
    is_being_sent: bool
    skipped: str | None
    stopped: str | None
    zone: str
    created_at: datetime | None
    created_local: datetime | None
    seen_at: datetime | None
    seen_local: datetime | None
    planned_for: datetime | None
    planned_local: datetime | None
    planned_repeats: bool
    is_moved_by_rules: bool
    computed_for: datetime | None
    computed_local: datetime | None
    day: int | None
    time_of_day: time | None
    opens: time | None
    closes: time | None
    weekdays: Sequence[int] | None
    min_gap: timedelta | None
    waits_until: datetime | None
    waits_local: datetime | None


def schedule_of_lead(
    connection: Connection,
    lead_id: str,
    only_flow: str | None,
    file: Sequence[JsonObject] | None = None,
) -> list[ScheduleRow]:
    """The schedule of a lead that exists, in no order; the steps are those in ``file``, if given.

    There each has the ``id`` that it has in the tables, and its pending message is shown as the
    step has it where it ``is_synced``.
    """
    given = None if file is None else Json(file, to_json)
    return _schedule(connection, lead_id=lead_id, only_flow=only_flow, file=given)


def schedule_of_new_lead(
    connection: Connection,
    lead: JsonObject,
    created: Creation,
    *,
    only_flow: str | None,
    file: Sequence[JsonObject] | None,
) -> list[ScheduleRow]:
    """The schedule of a lead that does not exist, in no order.

    The steps are those in the tables, or those in ``file``: entries with a ``flow`` and its
    ``steps``, in the columns of the two tables.
    """
    is_exact = created.at.tzinfo is not None
    return _schedule(
        connection,
        lead=Json(lead, to_json),
        instant=created.at if is_exact else None,
        wall=None if is_exact else created.at,
        zone=created.zone,
        only_flow=only_flow,
        file=None if file is None else Json(file, to_json),
    )


def known_zone(connection: Connection, written: str | None) -> tuple[str | None, str]:
    """A zone as the server spells it (null: it has none of that name), and the zone of the flow
    ``default``."""
    row: Any = connection.execute(query("zone_of"), {"written": written}).fetchone()
    return row[0], row[1] or "UTC"


def suppressed(
    connection: Connection, addresses: Iterable[tuple[Channel, str]]
) -> set[tuple[Channel, str]]:
    """Which of these addresses, as suppressions have them, must not be written to."""
    asked = sorted(set(addresses))
    rows: list[Any] = connection.execute(
        query("suppressed_addresses"),
        {
            "channels": [channel for channel, _ in asked],
            "addresses": [address for _, address in asked],
        },
    ).fetchall()
    return {(Channel(channel), address) for channel, address in rows}


_NOTHING_GIVEN: JsonObject = dict.fromkeys(
    ("lead_id", "lead", "instant", "wall", "zone", "only_flow", "file")
)


def _schedule(connection: Connection, **values: object) -> list[ScheduleRow]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query("preview_schedule"), {**_NOTHING_GIVEN, **values})
        return [_schedule_row(row) for row in cursor]


def _schedule_row(row: dict[str, Any]) -> ScheduleRow:
    status = row.pop("status")
    return ScheduleRow(
        channel=Channel(row.pop("channel")),
        status=None if status is None else Status(status),
        **row,
    )
