from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.times import clock_text, parse_time_of_day

MINUTES = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("9:00 AM", "9:00 AM"),
        ("9:00 am", "9:00 AM"),
        ("9 AM", "9:00 AM"),
        ("9am", "9:00 AM"),
        ("9 a.m.", "9:00 AM"),
        ("09:00", "9:00 AM"),
        ("9:00:00", "9:00 AM"),
        ("21:30", "9:30 PM"),
        ("12:00 AM", "12:00 AM"),
        ("12 PM", "12:00 PM"),
        ("0:00", "12:00 AM"),
        (" 11:59 pm ", "11:59 PM"),
    ],
)
def test_times_are_read_as_people_write_them(written: str, stored: str) -> None:
    assert clock_text(parse_time_of_day(written)) == stored


@pytest.mark.parametrize(
    "written",
    [
        "",
        "9",
        "noon",
        "24:00",
        "25:00 PM",
        "13 PM",
        "0 AM",
        "9:60",
        "9:0",
        "9.00",
        "9:00:30",
        "٩:00",
    ],
)
def test_what_is_no_time_of_day_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="9:00 AM"):
        parse_time_of_day(written)


@given(MINUTES)
def test_every_minute_has_one_stored_form_that_reads_back(instant: time) -> None:
    assert parse_time_of_day(clock_text(instant)) == instant
    assert parse_time_of_day(f"{instant:%H:%M}") == instant
