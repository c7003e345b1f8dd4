"""The schedule that the database computes, against the oracle and days worked out by hand."""

from datetime import datetime, timedelta

import pytest

from flowctl.model import Flow, JsonObject
from tests.database.schedules import DAY, a_case, at, computed, scheduled_times
from tests.support import oracle
from tests.support.postgres import Connection
from tests.support.zones import Zones


def test_the_example_of_the_readme(reckoner: Connection) -> None:
    monday = at("2026-06-01T15:00-04:00")
    plan = [(0, None), (1, "9:00 AM"), (2, "2:00 PM")]
    cases_of_plan = [a_case(monday, zone="America/New_York", day=d, time=t) for d, t in plan]
    assert scheduled_times(reckoner, *cases_of_plan) == [
        at("2026-06-01T15:00-04:00"),
        at("2026-06-02T09:00-04:00"),
        at("2026-06-03T14:00-04:00"),
    ]


CLOCK_CHANGES = [
    # zone, wall clock, what it is read as
    ("America/New_York", "2026-03-08 01:59", "2026-03-08T01:59-05:00"),
    ("America/New_York", "2026-03-08 02:00", "2026-03-08T03:00-04:00"),
    ("America/New_York", "2026-03-08 02:30", "2026-03-08T03:30-04:00"),
    ("America/New_York", "2026-03-08 03:00", "2026-03-08T03:00-04:00"),
    ("America/New_York", "2026-11-01 00:59", "2026-11-01T00:59-04:00"),
    ("America/New_York", "2026-11-01 01:00", "2026-11-01T01:00-05:00"),
    ("America/New_York", "2026-11-01 01:30", "2026-11-01T01:30-05:00"),
    ("Europe/Dublin", "2026-03-29 01:30", "2026-03-29T02:30+01:00"),
    ("Europe/Dublin", "2026-10-25 01:30", "2026-10-25T01:30+00:00"),
    ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-04T02:45+11:00"),
    ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-05T01:45+10:30"),
    ("Antarctica/Troll", "2026-03-29 02:30", "2026-03-29T04:30+02:00"),
    ("Africa/Casablanca", "2026-02-15 02:30", "2026-02-15T02:30+00:00"),
    ("Pacific/Apia", "2011-12-30 09:00", "2011-12-31T09:00+14:00"),
    ("Asia/Kathmandu", "2026-07-01 09:00", "2026-07-01T09:00+05:45"),
    # abbreviations too, which PostgreSQL would read as a fixed offset
    ("CET", "2026-07-01 09:00", "2026-07-01T09:00+02:00"),
    ("EET", "2026-07-01 09:00", "2026-07-01T09:00+03:00"),
    ("MET", "2026-07-01 09:00", "2026-07-01T09:00+02:00"),
    ("WET", "2026-07-01 09:00", "2026-07-01T09:00+01:00"),
    ("EST", "2026-07-01 09:00", "2026-07-01T09:00-05:00"),
]


@pytest.mark.parametrize(("zone", "wall", "expected"), CLOCK_CHANGES)
def test_a_time_that_the_clock_skips_or_repeats(
    reckoner: Connection, zones: Zones, zone: str, wall: str, expected: str
) -> None:
    goal = datetime.fromisoformat(wall)
    created = at(expected) - 9 * DAY
    day = (goal.date() - created.astimezone(zones[zone]).date()).days
    case = a_case(created, zone=zone, day=day, time=f"{goal:%H:%M}")
    assert scheduled_times(reckoner, case) == [at(expected)]


@pytest.mark.parametrize(
    ("created", "day", "expected"),
    [
        ("2026-03-06T09:15-05:00", 3, "2026-03-09T09:15-04:00"),
        ("2026-10-30T09:15-04:00", 3, "2026-11-02T09:15-05:00"),
        ("2026-03-07T02:30-05:00", 1, "2026-03-08T03:30-04:00"),
        ("2026-10-31T01:30-04:00", 1, "2026-11-01T01:30-05:00"),
        # made in the earlier of the two hours: day 0 is that moment, not the hour's second coming
        ("2026-11-01T01:30-04:00", 0, "2026-11-01T01:30-04:00"),
        ("2026-01-31T23:59:59.999999-05:00", 3650, "2036-01-29T23:59:59.999999-05:00"),
    ],
)
def test_days_later_at_the_same_wall_clock_time(
    reckoner: Connection, created: str, day: int, expected: str
) -> None:
    case = a_case(at(created), zone="America/New_York", day=day)
    assert scheduled_times(reckoner, case) == [at(expected)]


@pytest.mark.parametrize("written", ["Europe/Rome", "europe/rome", "EUROPE/ROME", "  Europe/Rome "])
def test_a_lead_has_its_own_zone(reckoner: Connection, written: str) -> None:
    case = a_case(at("2026-07-01T12:00Z"), day=1, time="9:00 AM", lead={"timezone": written})
    assert scheduled_times(reckoner, case) == [at("2026-07-02T09:00+02:00")]


@pytest.mark.parametrize(
    "written",
    [
        *(None, "", " ", "EDT", "UTC+3", "EST5", "+05:00", "GMT+5", "Lyon", "Mars/Olympus", ":CET"),
        *("posix/Europe/Rome", "Factory", "localtime", "../etc/passwd", 5, True, ["CET"], {"a": 1}),
    ],
)
def test_without_a_valid_zone_the_flows_counts(reckoner: Connection, written: object) -> None:
    created = at("2026-07-01T12:00Z")
    case = a_case(created, zone="CET", day=1, time="9:00 AM", lead={"timezone": written})
    assert scheduled_times(reckoner, case) == [at("2026-07-02T09:00+02:00")]


def test_a_time_that_is_past_becomes_now(reckoner: Connection) -> None:
    created = at("2026-06-01T15:00Z")
    cases_of_day_0 = [a_case(created, time="9:00 AM"), a_case(created, seen=created + DAY / 4)]
    assert scheduled_times(reckoner, *cases_of_day_0) == [created, created + DAY / 4]


def test_a_lead_of_the_future_waits_for_its_creation(reckoner: Connection) -> None:
    created = at("2999-06-01T15:00Z")
    seen = at("2026-06-01T15:00Z")
    both = [a_case(created, seen=seen), a_case(created, seen=seen, time="9:00 AM")]
    assert scheduled_times(reckoner, *both) == [created, created]


@pytest.mark.parametrize(
    ("seen", "skipped"),
    [
        # planned for June 1, 9:00
        ("2026-06-01T23:59-04:00", None),
        ("2026-06-02T08:59-04:00", None),
        ("2026-06-02T09:00-04:00", None),
        ("2026-06-02T09:01-04:00", oracle.Skipped.BEHIND),
        ("2036-06-02T09:01-04:00", oracle.Skipped.BEHIND),
    ],
)
def test_a_step_of_an_earlier_day_is_behind_after_a_day(
    reckoner: Connection, seen: str, skipped: oracle.Skipped | None
) -> None:
    created = at("2026-06-01T00:00-04:00")
    case = a_case(created, zone="America/New_York", time="9:00 AM", seen=at(seen))
    assert [answer.skipped for answer in computed(reckoner, [case])] == [skipped]


def test_a_step_of_today_is_not_behind_however_late(reckoner: Connection) -> None:
    # a day of 25 hours
    created = at("2026-11-01T00:10-04:00")
    case = a_case(created, zone="America/New_York", seen=created + DAY + timedelta(minutes=1))
    assert scheduled_times(reckoner, case) == [at("2026-11-01T23:11-05:00")]


@pytest.mark.parametrize("created", ["-infinity", "4713-01-01 BC", "0001-01-01", "1899-12-30"])
def test_a_creation_long_ago_is_behind_whatever_stands_for_it(
    reckoner: Connection, created: str
) -> None:
    now = at("2026-06-01T15:00Z")
    steps = [a_case(created, seen=now), a_case(created, day=1, time="9:00 AM", seen=now)]
    assert {row.skipped for row in computed(reckoner, steps)} == {
        "its date has passed for this lead"
    }


@pytest.mark.parametrize("created", [None, "infinity", "294276-12-31"])
def test_a_creation_that_nobody_can_have_meant_is_now(
    reckoner: Connection, created: str | None
) -> None:
    now = at("2026-06-01T15:00Z")
    assert scheduled_times(reckoner, a_case(created, seen=now)) == [now]
    tomorrow = a_case(created, day=1, time="9:00 AM", seen=now)
    assert scheduled_times(reckoner, tomorrow) == [at("2026-06-02T09:00Z")]


@pytest.mark.parametrize(
    ("created_on", "day", "time", "expected"),
    [
        # midnight in UTC would be the day before in New York
        ("2026-06-02", 0, "9:00 AM", "2026-06-02T15:00-04:00"),
        ("2026-06-02", 1, "9:00 AM", "2026-06-03T09:00-04:00"),
        ("2026-06-02", 1, None, "2026-06-03T15:00-04:00"),
        ("2026-06-02", 0, None, "2026-06-02T15:00-04:00"),
        ("2026-06-01", 3, "9:00 AM", "2026-06-04T09:00-04:00"),
        ("2026-06-01", 3, None, "2026-06-04T00:00-04:00"),
        ("2026-06-05", 0, "9:00 AM", "2026-06-05T09:00-04:00"),
    ],
)
def test_a_creation_date_is_a_day_of_the_leads_zone(
    reckoner: Connection, created_on: str, day: int, time: str | None, expected: str
) -> None:
    now = at("2026-06-02T15:00-04:00")
    lead = {"created_at": created_on}
    case = a_case(created_on, zone="America/New_York", day=day, time=time, seen=now, lead=lead)
    assert scheduled_times(reckoner, case) == [at(expected)]


def test_the_sessions_zone_decides_nothing(reckoner: Connection) -> None:
    created = at("2026-03-06T20:00-05:00")
    cases_of_plan = [
        a_case(created, zone="America/New_York", day=2, time="2:30 AM"),
        a_case(created, zone="America/New_York", day=2),
        a_case(created, zone="America/New_York", day=2, seen=created + 3 * DAY),
    ]
    expected = computed(reckoner, cases_of_plan)
    for zone in ("Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"):
        with reckoner.transaction():
            reckoner.execute("select set_config('timezone', %s, true)", (zone,))
            assert computed(reckoner, cases_of_plan) == expected


@pytest.mark.parametrize(
    ("lead", "audience", "is_in"),
    [
        ({"source": "web"}, None, True),
        ({"source": "web"}, {}, True),
        ({"source": "web"}, {"source": "web"}, True),
        ({"source": "web"}, {"source": "Web"}, False),
        ({"source": "web"}, {"source": None}, False),
        ({"source": None}, {"source": None}, True),
        ({"source": "web"}, {"campaign": "spring"}, False),
        ({"tags": ["a", "b"]}, {"tags": ["b"]}, True),
        ({"tags": ["a", "b"]}, {"tags": ["b", "c"]}, False),
        ({"tags": {"plan": "pro", "seats": 5}}, {"tags": {"seats": 5.0}}, True),
    ],
)
def test_an_audience_is_what_a_leads_row_contains(
    reckoner: Connection, lead: JsonObject, audience: JsonObject | None, is_in: bool
) -> None:
    case = a_case(at("2026-06-01T15:00Z"), lead=lead, flow=Flow("nurture", audience=audience))
    [answer] = computed(reckoner, [case])
    assert (answer.skipped is None) is is_in
