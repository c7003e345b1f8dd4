"""What users are told when the rules of zones change, and of timezones that nobody can read."""

import re
from typing import Any

from flowctl import zones
from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection

WINNIPEG = "America/Winnipeg"


def with_old_rules(conn: Connection) -> None:
    """The database as a package from before Manitoba's change left it, and a message by it."""
    conn.execute("update flowctl.zone_releases set release = '2025b', taken_at = '2025-01-01'")
    conn.execute(
        "update flowctl.zones as rule"
        " set instants = other.instants, walls = other.walls, offsets = other.offsets,"
        " repeats_from = other.repeats_from from flowctl.zones as other"
        " where rule.name = %s and other.name = 'America/Chicago'",
        (WINNIPEG,),
    )
    conn.execute("update leads set created_at = '2026-12-01 12:00Z'")
    a_step(conn, key="hello", day=3, time="9:00 AM", time_type="specific")
    a_lead(conn, timezone=WINNIPEG, created_at="2032-12-01 18:00+00")
    a_lead(conn, timezone="Asia/Tokyo", created_at="2032-12-01 18:00+00")


def check_of(flowctl: RunFlowctl, name: str) -> dict[str, Any]:
    """The doctor's check of that name."""
    return next(one for one in flowctl("doctor", "--json").json()["checks"] if one["name"] == name)


def test_newer_rules_are_told_and_what_to_type(conn: Connection, flowctl: RunFlowctl) -> None:
    with_old_rules(conn)
    rules = check_of(flowctl, "zone rules")
    assert rules["status"] == "note"
    assert "2025b" in rules["detail"]
    assert zones.release() in rules["detail"]
    assert flowctl("apply-schema", "--check").exit_code == 1
    ran = flowctl("apply-schema")
    assert f"tz database {zones.release()}" in ran.stdout
    # the first winter that differs, of those that are less than a year ago
    assert re.search(
        rf"{WINNIPEG}: from \w+ \d+ \w+ 20\d\d on the clock is 1h ahead, 1 pending message\n"
        "not at the planned local time any more: 1 pending message; "
        "to move them: flowctl messages refresh\n",
        ran.stdout,
    )
    assert check_of(flowctl, "zone rules")["status"] == "ok"
    times = check_of(flowctl, "planned times")
    assert times["status"] == "note"
    assert "1 pending message not at the local time planned today" in times["detail"]
    assert "the rules of their zone changed; America/Winnipeg" in times["detail"]
    lead = conn.execute("select id::text from leads where timezone = %s", (WINNIPEG,)).fetchone()
    assert lead is not None
    explained = flowctl("preview", lead[0], "--explain")
    assert f"the rules of {WINNIPEG} were changed since it was scheduled" in explained.stdout
    assert flowctl("messages", "refresh", "--yes").exit_code == 0
    assert check_of(flowctl, "planned times")["status"] == "ok"
    assert flowctl("apply-schema", "--check").exit_code == 0


def test_the_reason_is_the_true_one(conn: Connection, flowctl: RunFlowctl) -> None:
    a_step(conn, key="hello", day=3, time="9:00 AM", time_type="specific")
    a_lead(conn)
    conn.execute("update leads set timezone = 'Asia/Tokyo'")
    detail = check_of(flowctl, "planned times")["detail"]
    assert "their lead or its flow changed" in detail
    conn.execute("update leads set timezone = null")
    conn.execute("update flow_steps set time = '10:00', updated_at = now()")
    assert "their step changed" in check_of(flowctl, "planned times")["detail"]


def test_timezones_that_nobody_can_read_are_counted(conn: Connection, flowctl: RunFlowctl) -> None:
    for written in ("PST", "PST", "GMT+2", "", " \u00a0", None, "Eastern Standard Time", "UTC"):
        a_lead(conn, timezone=written)
    unread = flowctl("status", "--json").json()["unread_timezones"]
    assert unread == {"count": 3, "examples": ["PST", "GMT+2"]}
    check = check_of(flowctl, "timezones")
    assert check["status"] == "note"
    assert "3 leads with a timezone that is not a zone ('PST', 'GMT+2')" in check["detail"]
