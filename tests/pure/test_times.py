from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowctl.times import LONGEST, format_duration, parse_duration

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("36h", timedelta(hours=36)),
        ("4h", timedelta(hours=4)),
        ("30m", timedelta(minutes=30)),
        ("10s", timedelta(seconds=10)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("1h30m", timedelta(minutes=90)),
        (" 1w 2d 3h 4m 5.5s ", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5.5)),
        ("2D", timedelta(days=2)),
        ("0.000001s", timedelta(microseconds=1)),
    ],
)
def test_durations_are_read_as_people_write_them(written: str, expected: timedelta) -> None:
    assert parse_duration(written) == expected


@pytest.mark.parametrize(
    "written",
    ["", " ", "0h", "36", "h", "1.5h", "-1h", "30m1h", "1h1h", "1y", "٣h", "1h,5m", "99999999d"],
)
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="36h, 2d or 1h30m"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("duration", "written"),
    [
        (timedelta(hours=36), "36h"),
        (timedelta(weeks=1), "7d"),
        (timedelta(minutes=90), "90m"),
        (timedelta(seconds=61), "61s"),
        (timedelta(seconds=61.5), "61.5s"),
    ],
)
def test_the_shortest_form_is_written(duration: timedelta, written: str) -> None:
    assert format_duration(duration) == written


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=LONGEST))
@example(LONGEST)
def test_what_is_written_reads_back(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
