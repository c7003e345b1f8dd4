"""Pending messages beside what would be planned today (``refresh.sql``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flowctl.database import Connection
from flowctl.store.fetching import fetch_ids, fetch_rows
from flowctl.store.message_changes import BATCH
from flowctl.store.nodes import text_of


@dataclass(frozen=True, slots=True)
class Replanned:
    """What would become of a message: ``planned_for`` in place of ``planned_before``, the same on
    the clock of ``zone`` as ``after_local`` and ``before_local``; ``is_rewritten``: other words."""

    id: UUID
    zone: str
    flow: str
    step: str
    before_local: datetime
    after_local: datetime
    planned_before: datetime
    planned_for: datetime
    is_moved: bool
    is_rewritten: bool


@dataclass(frozen=True, slots=True)
class Misplaced:
    """How many pending messages of a zone are not at their planned local time any more, and why:
    ``rules``, ``step`` or ``lead``."""

    reason: str
    zone: str
    messages: int


def refresh_plan(connection: Connection, ids: Sequence[UUID]) -> list[Replanned]:
    """Those of these messages that would change."""
    return [
        found
        for batch in _batches(ids)
        for found in fetch_rows(connection, "refresh_plan", Replanned, ids=batch)
    ]


def refresh_messages(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Make them so; returns which took it: one that is claimed or being sent is left alone."""
    done: set[UUID] = set()
    for batch in _batches(ids):
        with connection.transaction():
            free = fetch_ids(connection, text_of(connection, "lock_messages"), ids=batch)
            done |= fetch_ids(connection, "refresh_messages", ids=list(free))
    return done


def _batches(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    return (list(ids[begin : begin + BATCH]) for begin in range(0, len(ids), BATCH))


def misplaced_messages(connection: Connection, most: int | None = None) -> list[Misplaced]:
    """What stands wrong among pending messages, or the soonest ``most`` of them."""
    return fetch_rows(connection, "misplaced_messages", Misplaced, most=most)
