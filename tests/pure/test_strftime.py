"""Formats as Ruby's documentation has them; what the C library knows too is compared with it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.template.strftime import strftime
from flowctl.zones import zone_info

AT = datetime(2026, 3, 2, 9, 5, 7, 120_000, tzinfo=UTC).astimezone(zone_info("America/New_York"))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%-I:%M %p, %l%P, %e, %-d, %-m", "4:05 AM,  4am,  2, 2, 3"),
        ("%a %A %^a %^A %b %B %^b %h", "Mon Monday MON MONDAY Mar March MAR Mar"),
        ("%H %k %-k %I %j %y %C %u %w", "04  4 4 04 061 26 20 1 1"),
        ("%s %L %N %3N %6N", "1772442307 120 120000000 120 120000"),
        ("%z %:z %::z %Z", "-0500 -05:00 -05:00:00 EST"),
        (
            "%F %T %R %r %D %x %X",
            "2026-03-02 04:05:07 04:05 04:05:07 AM 03/02/26 03/02/26 04:05:07",
        ),
        ("%c|%v|%+", "Mon Mar  2 04:05:07 2026| 2-MAR-2026|Mon Mar  2 04:05:07 EST 2026"),
        ("%G-W%V %U %W %g", "2026-W10 09 09 26"),
        ("%05d %_m %_5d %010Y %10A %-10A", "00002  3     2 0000002026     Monday Monday"),
        ("%#p %#Z %#B", "am est MARCH"),
        ("100%% %Q %! % %:d %9999d", "100% %Q %! % %:d %9999d"),
        ("line%nbreak%ttab", "line\nbreak\ttab"),
        ("", ""),
    ],
)
def test_directives_as_ruby_writes_them(pattern: str, expected: str) -> None:
    assert strftime(AT, pattern) == expected


SHARED = (
    "%d %e %-d %H %-H %I %-I %k %l %p %P %M %S %j %-j %U %W %V %G %g %u %w %C %y %Y %B %b %A %a %h "
    "%^B %D %F %R %T %r %c %x %X %z %Z %m %-m %n %t %% %_d %010Y %3d"
)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["America/New_York", "Asia/Kathmandu", "Europe/Berlin"]),
)
def test_what_the_c_library_knows_is_the_same(instant: datetime, zone: str) -> None:
    local = instant.astimezone(zone_info(zone))
    assert strftime(local, SHARED) == local.strftime(SHARED)
