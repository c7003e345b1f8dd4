"""A schedule as ``flowctl.lead_schedule`` computes it, and what it is computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from flowctl.model import Channel, Flow, JsonObject, Step, TimeType
from tests.support import oracle
from tests.support.postgres import Connection
from tests.support.zones import Zones

DAY = timedelta(days=1)

SCHEDULE = """
    select given.number, due.zone, due.planned_for, due.scheduled_for, due.skipped
    from jsonb_to_recordset(%s) as given (
      number integer, lead jsonb, created_at timestamptz, seen_at timestamptz,
      flow_row jsonb, step_row jsonb
    )
    cross join lateral jsonb_populate_record(null::public.flow_steps, given.step_row) as step
    cross join lateral jsonb_populate_record(null::public.flows, given.flow_row) as parent
    cross join lateral flowctl.lead_schedule(
      given.lead, given.created_at, given.seen_at, array[flowctl.step_setting(step, parent)]
    ) as due
    order by given.number
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One step for one lead; ``created_at`` as the column has it, null and infinity too."""

    lead: JsonObject
    created_at: datetime | str | None
    seen_at: datetime
    flow: Flow
    step: Step

    def expected(self, zones: Zones) -> oracle.Scheduled:
        """What the oracle says."""
        stands_for = {"-infinity": datetime(1, 1, 3, tzinfo=UTC)}
        written = self.created_at
        created = written if isinstance(written, datetime) else stands_for.get(written or "")
        return oracle.schedule(self.lead, created, self.seen_at, self.flow, self.step, zones=zones)

    def row(self) -> dict[str, Any]:
        """The case as a record of the query."""
        flow, step = self.flow, self.step
        return {
            "lead": self.lead,
            "created_at": None if self.created_at is None else str(self.created_at),
            "seen_at": str(self.seen_at),
            "flow_row": {
                "name": flow.name,
                "enabled": flow.enabled,
                "timezone": flow.timezone,
                "audience": flow.audience,
                "send_window": flow.send_window,
            },
            "step_row": {
                "type": step.type,
                "day": step.day,
                "time": step.time,
                "time_type": step.time_type,
                "enabled": step.enabled,
            },
        }


def computed(connection: Connection, cases: Sequence[Case]) -> list[oracle.Scheduled]:
    """What the database says, in one statement."""
    rows = Jsonb([{"number": number, **case.row()} for number, case in enumerate(cases)])
    return [
        oracle.Scheduled(zone, planned, scheduled, skipped and oracle.Skipped(skipped))
        for _, zone, planned, scheduled, skipped in connection.execute(SCHEDULE, (rows,))
    ]


def scheduled_times(connection: Connection, *cases: Case) -> list[datetime]:
    """When each case is scheduled for; none may be skipped."""
    answers = computed(connection, cases)
    assert [answer.skipped for answer in answers] == [None] * len(cases)
    return [answer.scheduled_for for answer in answers]


def at(text: str) -> datetime:
    """A moment, from ISO 8601 with an offset."""
    return datetime.fromisoformat(text)


def a_case(
    created: datetime | str | None = None,
    *,
    zone: str = "UTC",
    day: int = 0,
    time: str | None = None,
    seen: datetime | None = None,
    lead: JsonObject | None = None,
    flow: Flow | None = None,
) -> Case:
    """A text of a flow in ``zone``, for a lead that is seen as it is created."""
    kind = TimeType.IMMEDIATELY if time is None else TimeType.SPECIFIC
    step = Step("nurture", "step", Channel.TEXT, None, "content", day, time, kind)
    if seen is None:
        assert isinstance(created, datetime)
        seen = created
    return Case(lead or {}, created, seen, flow or Flow("nurture", timezone=zone), step)
