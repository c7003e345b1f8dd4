"""Pending messages brought in line with today's steps, flows, leads and rules of time zones."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flowctl.database import Connection
from flowctl.store import refresh as store
from flowctl.store.refresh import Replanned


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """How many messages were moved to another time, were given another text (one can be both), and
    stayed as they were."""

    moved: int
    rewritten: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """What a refresh would do: of ``total`` messages it changes these."""

    total: int
    changes: tuple[Replanned, ...]

    @property
    def result(self) -> RefreshResult:
        """Its numbers, should nothing come between."""
        return self.result_of({change.id for change in self.changes})

    def result_of(self, done: set[UUID]) -> RefreshResult:
        """Its numbers where only these messages were changed."""
        changed = [change for change in self.changes if change.id in done]
        return RefreshResult(
            moved=sum(change.is_moved for change in changed),
            rewritten=sum(change.is_rewritten for change in changed),
            unchanged=self.total - len(changed),
        )

    def moves_by_zone(self) -> list[tuple[str, int, Replanned]]:
        """Each zone with the number of messages that move, and one of them; the most first."""
        counts = Counter(change.zone for change in self.changes if change.is_moved)
        first = {change.zone: change for change in reversed(self.changes) if change.is_moved}
        return [(zone, number, first[zone]) for zone, number in counts.most_common()]


def plan_refresh(connection: Connection, ids: Sequence[UUID]) -> RefreshPlan:
    """What a refresh of these pending messages would do."""
    return RefreshPlan(len(ids), tuple(store.refresh_plan(connection, ids)))


def refresh(connection: Connection, plan: RefreshPlan) -> RefreshResult:
    """Do it. A message that was claimed or sent meanwhile is left alone."""
    return plan.result_of(
        store.refresh_messages(connection, [change.id for change in plan.changes])
    )
