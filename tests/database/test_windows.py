"""When a send window opens and closes, against the oracle and on dates worked out by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from flowctl.model import JsonObject
from tests.support import oracle
from tests.support.instants import MANY_CASES, MOMENTS, near_changes, send_windows, zone_names
from tests.support.postgres import Connection
from tests.support.zones import Zones

EDGES = """
    select flowctl.window_edge(
      given.instant, given.zone, (setting).opens, (setting).closes, (setting).weekdays, given.wanted
    )
    from jsonb_to_recordset(%s) as given (
      number integer, instant timestamptz, zone text, send_window jsonb, wanted boolean
    )
    cross join lateral jsonb_populate_record(null::public.flow_steps, '{"type": "text"}') as step
    cross join lateral jsonb_populate_record(
      null::public.flows, jsonb_build_object('enabled', true, 'send_window', given.send_window)
    ) as parent
    cross join lateral flowctl.step_setting(step, parent) as setting
    order by given.number
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A moment in a zone, and the window whose opening or closing is asked for."""

    instant: datetime
    zone: str
    send_window: JsonObject
    wanted: bool


def edges(connection: Connection, cases: Sequence[Case]) -> list[datetime | None]:
    """What the database says, in one statement."""
    rows = [
        {
            "number": number,
            "instant": str(case.instant),
            "zone": case.zone,
            "send_window": case.send_window,
            "wanted": case.wanted,
        }
        for number, case in enumerate(cases)
    ]
    return [row[0] for row in connection.execute(EDGES, (Jsonb(rows),))]


@st.composite
def cases(draw: st.DrawFn, zones: Zones) -> Case:
    """A moment that is often some days before, or hours after, a change of the clock."""
    name = draw(zone_names(zones))
    change = draw(near_changes(zones, name) | MOMENTS)
    instant = change - draw(st.sampled_from([0, 0, 1, 6, 7, 8, 13])) * timedelta(days=1)
    instant -= draw(st.integers(-3000, 3000)) * timedelta(seconds=30, microseconds=1)
    window = draw(send_windows(zones, name, change))
    window.pop("types", None)
    return Case(instant, name, window, draw(st.booleans()))


@settings(MANY_CASES)
@given(data=st.data())
def test_a_window_opens_and_closes_when_the_oracle_says(
    data: st.DataObject, reckoner: Connection, zones: Zones
) -> None:
    drawn = data.draw(st.lists(cases(zones), min_size=30, max_size=60))
    for case, actual in zip(drawn, edges(reckoner, drawn), strict=True):
        expected = oracle.window_edge(
            case.instant, zones[case.zone], oracle.Window.of(case.send_window), wanted=case.wanted
        )
        assert actual == expected, case


def at(text: str) -> datetime:
    """A moment, from ISO 8601 with an offset."""
    return datetime.fromisoformat(text)


DAYTIME = {"start": "8:00 AM", "end": "8:00 PM"}
NIGHT = {"start": "22:00", "end": "6:00 AM"}
WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]

OPENINGS = [
    # June 1, 2026, is a Monday
    (DAYTIME, "2026-06-01T07:59:59.999999-04:00", "2026-06-01T08:00-04:00"),
    (DAYTIME, "2026-06-01T08:00-04:00", "2026-06-01T08:00-04:00"),
    (DAYTIME, "2026-06-01T19:59:59-04:00", "2026-06-01T19:59:59-04:00"),
    (DAYTIME, "2026-06-01T20:00-04:00", "2026-06-02T08:00-04:00"),
    ({**DAYTIME, "days": WORKDAYS}, "2026-06-05T20:00-04:00", "2026-06-08T08:00-04:00"),
    ({**DAYTIME, "days": WORKDAYS}, "2026-06-07T12:00-04:00", "2026-06-08T08:00-04:00"),
    ({"days": ["wed"]}, "2026-06-01T12:00-04:00", "2026-06-03T00:00-04:00"),
    ({"start": "8:00 AM"}, "2026-06-01T07:00-04:00", "2026-06-01T08:00-04:00"),
    ({"start": "8:00 AM"}, "2026-06-01T23:59:59-04:00", "2026-06-01T23:59:59-04:00"),
    ({"end": "8:00 AM"}, "2026-06-01T08:00-04:00", "2026-06-02T00:00-04:00"),
    ({"start": "8:00 AM", "end": "12:00 AM"}, "2026-06-02T00:00-04:00", "2026-06-02T08:00-04:00"),
    ({}, "2026-06-01T03:00-04:00", "2026-06-01T03:00-04:00"),
    # a window across midnight belongs to the day it starts on
    (NIGHT, "2026-06-01T05:59-04:00", "2026-06-01T05:59-04:00"),
    (NIGHT, "2026-06-01T06:00-04:00", "2026-06-01T22:00-04:00"),
    ({**NIGHT, "days": ["mon"]}, "2026-06-02T05:00-04:00", "2026-06-02T05:00-04:00"),
    ({**NIGHT, "days": ["mon"]}, "2026-06-01T05:00-04:00", "2026-06-01T22:00-04:00"),
    # the clock goes from 2:00 to 3:00 on March 8
    ({"start": "2:15 AM", "end": "4:00 AM"}, "2026-03-08T01:00-05:00", "2026-03-08T03:00-04:00"),
    ({"start": "2:15 AM", "end": "2:45 AM"}, "2026-03-08T01:00-05:00", "2026-03-09T02:15-04:00"),
    (
        {"start": "2:15 AM", "end": "2:45 AM", "days": ["sun"]},
        "2026-03-01T02:45-05:00",
        "2026-03-15T02:15-04:00",
    ),
    # and from 2:00 back to 1:00 on November 1, when this window opens twice
    ({"start": "1:15 AM", "end": "1:45 AM"}, "2026-11-01T01:45-04:00", "2026-11-01T01:15-05:00"),
    ({"start": "1:15 AM", "end": "3:00 AM"}, "2026-11-01T01:59-04:00", "2026-11-01T01:59-04:00"),
]


@pytest.mark.parametrize(("window", "instant", "expected"), OPENINGS)
def test_a_time_moves_forward_to_the_next_opening(
    reckoner: Connection, window: JsonObject, instant: str, expected: str
) -> None:
    case = Case(at(instant), "America/New_York", window, wanted=True)
    assert edges(reckoner, [case]) == [at(expected)]


@pytest.mark.parametrize(
    ("window", "instant", "expected"),
    [
        (DAYTIME, "2026-06-01T12:00-04:00", "2026-06-01T20:00-04:00"),
        (DAYTIME, "2026-06-01T21:00-04:00", "2026-06-01T21:00-04:00"),
        (NIGHT, "2026-06-01T23:00-04:00", "2026-06-02T06:00-04:00"),
        ({"start": "8:00 AM"}, "2026-06-01T23:00-04:00", "2026-06-02T00:00-04:00"),
        ({"days": ["mon", "tue"]}, "2026-06-01T12:00-04:00", "2026-06-03T00:00-04:00"),
        ({}, "2026-06-01T12:00-04:00", None),
    ],
)
def test_a_window_closes(
    reckoner: Connection, window: JsonObject, instant: str, expected: str | None
) -> None:
    case = Case(at(instant), "America/New_York", window, wanted=False)
    assert edges(reckoner, [case]) == [expected and at(expected)]
