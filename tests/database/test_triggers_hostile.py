"""Creating a lead never fails because of a flow, whatever its row holds."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.factories import a_flow, a_lead, a_step, count, database_now, messages
from tests.support.postgres import Connection

LONG_AGO = {"-infinity", "1970-01-01", "4713-01-01 BC"}


HOSTILE_ROWS: list[dict[str, object]] = [
    {},
    {"created_at": None},
    {"created_at": "infinity"},
    {"created_at": "-infinity"},
    {"created_at": "1970-01-01"},
    {"created_at": "2999-12-31 23:59:59"},
    {"created_at": "4713-01-01 BC"},
    {"created_at": "294276-12-31 23:59:59"},
    {"created_at": "9999-12-31 23:59:59"},
    {"timezone": "Mars/Olympus"},
    {"timezone": ""},
    {"timezone": "x" * 100_000},
    {"timezone": "'; drop table leads; --"},
    {"email": None, "phone": None},
    {"email": "\x1b]0;\x07", "phone": "\u202e", "first_name": "{{ first_name }}"},
    {"first_name": "x" * 10_000_000},
]


@pytest.mark.parametrize("row", HOSTILE_ROWS, ids=lambda row: ",".join(row) or "default")
def test_a_lead_is_never_refused(
    conn: Connection, warnings: list[str], row: dict[str, object]
) -> None:
    window = {"start": "9:00 AM", "end": "8:00 AM", "days": ["mon"]}
    a_flow(conn, timezone="Pacific/Apia", send_window=window)
    a_step(conn)
    a_step(conn, day=3650, time="11:59 PM", time_type="specific")
    a_lead(conn, **row)
    assert count(conn, "leads") == 1
    assert warnings == []
    assert count(conn) == (0 if row.get("created_at") in LONG_AGO else 2)


def test_the_hostile_rows_go_in_together(conn: Connection, warnings: list[str]) -> None:
    a_step(conn)
    with conn.transaction():
        for row in HOSTILE_ROWS:
            a_lead(conn, **row)
    scheduled = [row for row in HOSTILE_ROWS if row.get("created_at") not in LONG_AGO]
    assert (count(conn), count(conn, "leads")) == (len(scheduled), len(HOSTILE_ROWS))
    assert warnings == []


@pytest.mark.parametrize(
    ("created", "day", "expected"),
    [
        (timedelta(0), 0, 1),
        (timedelta(days=-3), 0, 0),
        (timedelta(days=-3), 9, 1),
    ],
)
def test_old_leads_are_not_written_to_for_what_is_behind_them(
    conn: Connection, created: timedelta, day: int, expected: int
) -> None:
    a_step(conn, day=day)
    a_lead(conn, created_at=database_now(conn) + created)
    assert count(conn) == expected


def test_a_lead_of_the_future_waits(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn, created_at="2999-06-01 12:00+00")
    assert messages(conn, "scheduled_for") == [(datetime(2999, 6, 1, 12, tzinfo=UTC),)]


def test_a_zone_without_rules_keeps_nobody_out(conn: Connection, warnings: list[str]) -> None:
    a_flow(conn, "lost", timezone="Pacific/Apia")
    a_step(conn, flow="lost", day=1, time="9 am", time_type="specific")
    a_step(conn)
    conn.execute("delete from flowctl.zones where name = 'Pacific/Apia'")
    a_lead(conn, timezone="Pacific/Apia")
    assert count(conn) == 2
    assert warnings == []


def test_one_lead_that_cannot_be_scheduled_keeps_out_no_other(
    conn: Connection, warnings: list[str]
) -> None:
    # a zone whose rules cannot be read: the set fails, then that lead alone
    conn.execute(
        "insert into flowctl.zones (name, instants, walls, offsets, repeats_from)"
        " values ('Mars/Olympus', '{null}', '{null}', '{null}', 'infinity')"
    )
    a_step(conn)
    conn.execute("insert into leads (timezone) values ('UTC'), ('Mars/Olympus'), ('Asia/Tokyo')")
    assert (count(conn), count(conn, "leads")) == (2, 3)
    assert [text.split(":")[1].split()[0] for text in warnings] == ["scheduling", "lead"]
