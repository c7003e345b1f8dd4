"""The rules of the zones in the database: read as Python's zoneinfo reads the same release,
whatever zone files the server has."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from babel.core import get_global

from flowctl import zones
from flowctl.database import sql_root
from tests.support.examples import examples
from tests.support.postgres import Connection
from tests.support.zones import Zones

CASES = examples(100_000)
"""How many random readings are compared."""

FIRST, LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2100, 12, 30, tzinfo=UTC)

READINGS = """
    select
      given.number,
      flowctl.local_time(given.instant, given.zone),
      flowctl.instant_of(given.wall, given.zone)
    from unnest(%s::text[], %s::timestamptz[], %s::timestamp[]) with ordinality
      as given (zone, instant, wall, number)
    order by given.number
"""


def oracle(name: str, instant: datetime, wall: datetime) -> tuple[datetime, datetime]:
    """What Python reads. Of a time that is shown twice the later is meant; one that is skipped,
    read with the offset from before the gap (fold 0), is the later of two as well (PEP 495)."""
    zone = zones.zone_info(name)
    readings = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return instant.astimezone(zone).replace(tzinfo=None), max(readings)


def compare(connection: Connection, cases: Sequence[tuple[str, datetime, datetime]]) -> None:
    """Ask the database for all of the cases at once, and the oracle for each."""
    rows = connection.execute(READINGS, [list(column) for column in zip(*cases, strict=True)])
    for case, (_, wall, instant) in zip(cases, rows, strict=True):
        assert (wall, instant) == oracle(*case), case


def random_cases(number_of_cases: int) -> list[tuple[str, datetime, datetime]]:
    """A zone, an instant and a time on its clock, of all zones and years."""
    chance = random.Random(20261127)  # noqa: S311 - the same cases again
    names = sorted(zones.names().values())
    span = int((LAST - FIRST).total_seconds())
    cases = []
    for number in range(number_of_cases):
        instant = FIRST + timedelta(seconds=chance.randrange(span))
        wall = (FIRST + timedelta(seconds=chance.randrange(span))).replace(tzinfo=None)
        cases.append((names[number % len(names)], instant, wall))
    return cases


def test_random_readings_are_zoneinfos(reckoner: Connection) -> None:
    compare(reckoner, random_cases(CASES))


def test_readings_around_clock_changes_are_zoneinfos(reckoner: Connection, zones: Zones) -> None:
    chance = random.Random(20261128)  # noqa: S311 - the same cases again
    cases = []
    for name in chance.sample(list(zones.names), min(len(zones.names), max(60, CASES // 150))):
        for change in zones.changes(name):
            near = change + timedelta(seconds=chance.randrange(-7200, 7200))
            cases += [
                (name, change - timedelta(seconds=1), near.replace(tzinfo=None)),
                (name, change, near.astimezone(zones[name]).replace(tzinfo=None)),
            ]
    compare(reckoner, cases)


def test_the_last_rule_goes_on(reckoner: Connection) -> None:
    cases = []
    names = ("America/New_York", "Australia/Sydney", "Asia/Gaza", "Europe/Dublin", "Asia/Tokyo")
    for name in names:
        for year in (2067, 2068, 2099, 2100, 2101, 2113, 2115, 2116, 2400, 2999, 9990):
            for month in range(1, 13):
                instant = datetime(year, month, 28, 23, tzinfo=UTC)
                cases.append((name, instant, instant.replace(tzinfo=None)))
    compare(reckoner, cases)


def test_infinity_and_null_are_no_errors(reckoner: Connection) -> None:
    row = reckoner.execute(
        "select flowctl.local_time('infinity', 'Asia/Tokyo')::text,"
        " flowctl.local_time('-infinity', 'Asia/Tokyo')::text,"
        " flowctl.instant_of('infinity', 'America/New_York')::text,"
        " flowctl.local_time(null, 'Asia/Tokyo'), flowctl.local_time(now(), 'Mars/Base'),"
        " flowctl.instant_of(null, null)"
    ).fetchone()
    assert row == ("infinity", "-infinity", "infinity", None, None, None)


WINTER_OF_2026 = [
    ("America/Vancouver", "2026-12-07 16:00Z"),
    ("America/Edmonton", "2026-12-07 15:00Z"),
    ("America/Winnipeg", "2026-12-07 14:00Z"),
    ("America/Havana", "2026-12-07 13:00Z"),
    ("Africa/Casablanca", "2026-12-07 09:00Z"),
]


@pytest.mark.parametrize(("zone", "instant"), WINTER_OF_2026)
def test_the_rules_are_those_of_2026(reckoner: Connection, zone: str, instant: str) -> None:
    row = reckoner.execute("select flowctl.instant_of('2026-12-07 09:00', %s)", (zone,)).fetchone()
    assert row == (datetime.fromisoformat(instant),)


SPELLINGS = {
    "america/new_york": "America/New_York",
    "\tAmerica/New_York\n": "America/New_York",
    "\u00a0America/New_York\u2003\u200b": "America/New_York",
    "\ufeffEurope/Kiev": "Europe/Kiev",
    "Asia/Calcutta": "Asia/Calcutta",
    "us/eastern": "US/Eastern",
    "Eastern Standard Time": "America/New_York",
    "W. Europe Standard Time": "Europe/Berlin",
    " eastern  standard\u00a0time": "America/New_York",
    "Eastern Time (US & Canada)": "America/New_York",
    "(GMT-05:00) Eastern Time (US & Canada)": "America/New_York",
    "(UTC+01:00) Berlin": "Europe/Berlin",
    "Nuku'alofa": "Pacific/Tongatapu",
    "America/New York": "America/New_York",
    "America_slash_Los_Angeles": "America/Los_Angeles",
    "america_slash_port_hyphen_au_hyphen_prince": "America/Port-au-Prince",
    "Etc/GMT+5": "Etc/GMT+5",
}


@pytest.mark.parametrize("written", SPELLINGS)
def test_a_zone_by_what_people_store(reckoner: Connection, written: str) -> None:
    row = reckoner.execute("select flowctl.zone_of(%s)", (written,)).fetchone()
    assert row == (SPELLINGS[written],)


UNREAD = (
    *("", " ", "PST", "EDT", "CEST", "GMT+2", "UTC+3", "UTC-5", "+02:00", "-0500", "(GMT-05:00)"),
    *("Mars/Base", "Factory", "posix/UTC", "Eastern", "x" * 101, "Nowhere Standard Time", "5"),
)


@pytest.mark.parametrize("written", UNREAD)
def test_what_is_no_zone(reckoner: Connection, written: str) -> None:
    row = reckoner.execute("select flowctl.zone_of(%s)", (written,)).fetchone()
    assert row == (None,)


def test_every_windows_name_means_what_cldr_says(reckoner: Connection) -> None:
    for windows, name in get_global("windows_zone_mapping").items():
        row = reckoner.execute("select flowctl.zone_of(%s)", (windows,)).fetchone()
        # "UTC" is the name of a zone already
        assert row == (zones.names().get(windows.lower(), name),)


def test_every_other_spelling_means_a_zone_of_the_package(reckoner: Connection) -> None:
    rows = reckoner.execute("select spelling, name from flowctl.zone_spellings").fetchall()
    assert len(rows) > 280
    for spelling, name in rows:
        assert zones.names()[name.lower()] == name
        assert spelling not in zones.names()


def test_no_statement_of_ours_asks_the_server_for_a_zone() -> None:
    for folder in ("queries", "routines"):
        for file in (sql_root() / folder).iterdir():
            for place in file.read_text("utf-8").split("at time zone ")[1:]:
                assert place.startswith("'UTC'"), file.name
            assert "pg_timezone_names" not in file.read_text("utf-8")


def test_a_rule_that_changes_before_sending_holds_at_once(conn: Connection) -> None:
    """Also in a session that has used the zone: nothing is kept from before."""
    ask = "select flowctl.instant_of('2027-01-04 09:00', 'America/Winnipeg')"
    assert conn.execute(ask).fetchone() == (datetime(2027, 1, 4, 14, tzinfo=UTC),)
    conn.execute("select flowctl.take_zones('9999a', 'America/Winnipeg||29699460|-300,-360')")
    assert conn.execute(ask).fetchone() == (datetime(2027, 1, 4, 15, tzinfo=UTC),)
