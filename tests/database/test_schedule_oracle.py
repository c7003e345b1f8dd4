"""Whatever the lead and the step, the schedule is the one that the oracle computes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flowctl.model import Channel, Flow, Step, TimeType
from tests.database.schedules import DAY, Case, computed
from tests.support.instants import (
    MANY_CASES,
    MOMENTS,
    clock_times,
    near_changes,
    send_windows,
    zone_names,
)
from tests.support.postgres import Connection
from tests.support.zones import EPOCH, Zones


@st.composite
def json_values(draw: st.DrawFn) -> Any:
    """Values of which some contain others."""
    scalars = st.sampled_from([None, True, False, 0, 1, 1.0, "", "a", "web"])
    return draw(
        scalars
        | st.lists(scalars, max_size=3)
        | st.dictionaries(st.sampled_from("ab"), scalars, max_size=2)
        | st.lists(st.lists(scalars, max_size=2), max_size=2)
    )


ROWS = st.dictionaries(st.sampled_from(["source", "status", "tags"]), json_values(), max_size=2)


@st.composite
def cases(draw: st.DrawFn, zones: Zones) -> Case:
    """A lead and a step whose day often falls on a clock change of the lead's zone."""
    name = draw(zone_names(zones))
    goal = draw(near_changes(zones, name) | MOMENTS)
    day = draw(st.sampled_from([0, 0, 1, 2, 3650]) | st.integers(0, 3650))
    created = (
        goal - day * DAY + draw(st.integers(-2000, 2000)) * timedelta(seconds=60, microseconds=1)
    )
    created = max(created, EPOCH)  # clocks are known from then on
    late = draw(
        st.sampled_from([0, 0, 1, 23, 24, 25, 48, -1, -30]) | st.integers(-100_000, 100_000)
    )
    seen_at = (
        created + late * timedelta(hours=1) + draw(st.integers(-90, 90)) * timedelta(minutes=1)
    )
    own_zone = draw(st.booleans())
    written = draw(st.sampled_from([name, name.upper(), f" {name.lower()} "])) if own_zone else None
    flow_zone = draw(zone_names(zones)) if own_zone else name
    step = Step("nurture", "step", draw(st.sampled_from(Channel)), "subject", "content", day)
    if draw(st.booleans()):
        time = draw(clock_times(zones, name, goal))
        step = replace(step, time_type=TimeType.SPECIFIC, time=time)
    window = None
    if draw(st.booleans()):
        window = draw(send_windows(zones, name, draw(st.sampled_from([goal, seen_at]))))
    lead = {**draw(ROWS), "timezone": written}
    audience = draw(st.none() | st.just({}) | ROWS)
    column = draw(st.sampled_from([created] * 9 + [None, "infinity", "-infinity"]))
    flow = Flow("nurture", timezone=flow_zone, audience=audience, send_window=window)
    return Case(lead, column, seen_at, flow, step)


@settings(MANY_CASES)
@given(data=st.data())
def test_the_schedule_is_the_oracles(
    data: st.DataObject, reckoner: Connection, zones: Zones
) -> None:
    drawn = data.draw(st.lists(cases(zones), min_size=30, max_size=60))
    for case, actual in zip(drawn, computed(reckoner, drawn), strict=True):
        expected = case.expected(zones)
        if case.created_at == "-infinity":
            # clocks are known from 1970 on; whatever day it would have been is long past
            actual = replace(actual, planned_for=expected.planned_for)  # noqa: PLW2901
        assert actual == expected, case
