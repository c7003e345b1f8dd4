"""Strategies: times that are hard to reckon with, at and around the clock changes of every zone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.oracle import WEEKDAYS
from tests.support.zones import Zones, shift_at

MINUTE = timedelta(minutes=1)

NOTABLE = (
    "Africa/Cairo",  # changed its clock four times in 2010 and in 2014
    "Africa/Casablanca",  # back an hour for Ramadan only
    "America/New_York",
    "America/Noronha",  # a summer of one week
    "Antarctica/Troll",  # two hours at once
    "Asia/Gaza",  # twice within a week, by its rules for 2040
    "Asia/Kathmandu",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # half an hour
    "CET",  # an abbreviation too
    "Europe/Dublin",  # negative daylight saving
    "Pacific/Apia",  # left out a day
    "Pacific/Kiritimati",
)

MANY_CASES = settings(
    max_examples=examples(50), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
"""For tests whose examples are lists of cases, so that one statement computes many. The case that
fails is named; to shrink the list it stands in would take minutes."""

MOMENTS = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - the strategy wants it so
    datetime(2049, 12, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)

TIMES = st.integers(0, 24 * 60 - 1)
"""Times of day, in minutes."""


def zone_names(zones: Zones) -> st.SearchStrategy[str]:
    """Any zone, and often one of those that are known for something."""
    return st.sampled_from([name for name in NOTABLE if name in zones.names]) | st.sampled_from(
        zones.names
    )


@st.composite
def near_changes(draw: st.DrawFn, zones: Zones, name: str) -> datetime:
    """A moment within some hours of a change of the zone's clock; any moment if it has none."""
    changes = zones.changes(name)
    if not changes:
        return draw(MOMENTS)
    return draw(st.sampled_from(changes)) + draw(st.integers(-300, 300)) * MINUTE


@st.composite
def clock_times(draw: st.DrawFn, zones: Zones, name: str, instant: datetime) -> str:
    """A time of day, often one that the clock shows within some hours of the moment."""
    minutes = draw(TIMES)
    if draw(st.booleans()):
        near = instant + shift_at(instant, zones[name]) + draw(st.integers(-200, 200)) * MINUTE
        minutes = near.hour * 60 + near.minute
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def send_windows(draw: st.DrawFn, zones: Zones, name: str, instant: datetime) -> dict[str, Any]:
    """A send window that the database takes."""
    window: dict[str, Any] = {}
    if draw(st.booleans()):
        window["start"] = draw(clock_times(zones, name, instant))
    if draw(st.booleans()):
        window["end"] = draw(clock_times(zones, name, instant))
    if window.get("end") == window.get("start", "00:00"):
        window.pop("end", None)
    if draw(st.booleans()):
        window["days"] = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True))
    if draw(st.booleans()):
        window["types"] = draw(st.sampled_from([["email"], ["text"], ["email", "text"]]))
    return window
