"""A run of dispatch, and the history that each writes about itself (``runs.sql``)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from flowctl.database import Connection, query
from flowctl.model import Channel, Slot
from flowctl.store.fetching import fetch_rows, fetch_value
from flowctl.store.parts import Part

SILENCE = timedelta(minutes=5)
"""A dispatcher says each minute that it is there; after this long it is thought to be gone."""


@dataclass(frozen=True, slots=True)
class Run:
    """One dispatcher: its identity, how long its claims last, and the time it pretends it is.

    The lease is renewed while the dispatcher lives. ``now`` is null in production: then the
    database's clock decides. ``slot``: it takes only messages of the leads of this share.
    ``places``: in which part of distributed tables its claims are.
    """

    id: UUID
    lease: timedelta
    now: datetime | None = None
    max_per_hour: int | None = None
    slot: Slot | None = None
    places: dict[UUID, Part] = field(default_factory=dict, compare=False, repr=False)

    def keep(self, part: Part, ids: Iterable[UUID]) -> None:
        """Its claims of these are in a part of distributed tables."""
        if not part.is_whole:
            self.places.update(dict.fromkeys(ids, part))

    def forget(self, ids: Iterable[UUID]) -> None:
        """Its claims end: where they were is not asked for any more."""
        for message_id in ids:
            self.places.pop(message_id, None)


@dataclass(frozen=True, slots=True)
class LastRun:
    """A run as it stands in the history.

    ``ended_at`` and ``exit_status`` are null while it runs, and where it died. ``seconds_ago`` is
    when it was heard of last. ``stopped``: the channels that stood still then, and why.
    """

    host: str
    started_at: datetime
    ended_at: datetime | None
    sent: int
    failed: int
    exit_status: int | None
    seen_at: datetime
    stopped: dict[str, str]
    is_at_work: bool
    seconds_ago: int


@dataclass(frozen=True, slots=True)
class DispatcherAtWork:
    """A dispatcher that is at work, and since when."""

    host: str
    since: datetime


def new_run_id(connection: Connection) -> UUID:
    """An identity for a dispatcher."""
    found: UUID = fetch_value(connection, "new_run_id")
    return found


def start_run(connection: Connection, run_id: UUID, host: str, *, is_loop: bool) -> None:
    """Enter a run, and forget those of more than 30 days ago."""
    connection.execute(query("start_run"), {"id": run_id, "host": host, "is_loop": is_loop})


def update_run(
    connection: Connection,
    run_id: UUID,
    *,
    sent: int,
    failed: int,
    stopped: Mapping[Channel, str],
    exit_status: int | None,
) -> None:
    """Write what a run did so far, and why channels stand still; with an exit status it is over."""
    values = {
        "id": run_id,
        "sent": sent,
        "failed": failed,
        "stopped": Jsonb(dict(stopped)),
        "exit_status": exit_status,
    }
    connection.execute(query("update_run"), values)


def last_run(connection: Connection) -> LastRun | None:
    """The run that began last; null where there was none in 30 days."""
    found = fetch_rows(connection, "last_run", LastRun, silence=SILENCE)
    return found[0] if found else None


def dispatchers(connection: Connection) -> list[DispatcherAtWork]:
    """Who is at work, the longest first."""
    return fetch_rows(connection, "dispatchers", DispatcherAtWork, silence=SILENCE)
