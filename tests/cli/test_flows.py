"""Flows as an operator sees them, paused and resumed."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection

NEW_YORK = "America/New_York"


@pytest.fixture
def nurture(conn: Connection) -> None:
    """Three daily steps at 9:00 AM, in a flow of New York."""
    conn.execute("insert into flows (name, timezone) values ('nurture', %s)", (NEW_YORK,))
    for day in range(3):
        a_step(
            conn, flow="nurture", key=f"day-{day}", type="text", day=day, time="9:00 AM",
            time_type="specific",
        )  # fmt: skip


def lead_since(conn: Connection, days: int) -> None:
    """A lead that came so many days ago, scheduled as it was then."""
    lead = a_lead(conn, timezone=NEW_YORK)
    conn.execute(
        "update message_logs set scheduled_for = scheduled_for - make_interval(days => %s),"
        " planned_for = planned_for - make_interval(days => %s) where lead_id = %s",
        (days, days, lead),
    )


def clock(conn: Connection) -> datetime:
    """What the lead's clock shows now."""
    row = conn.execute("select now()").fetchone()
    assert row is not None
    shown: datetime = row[0].astimezone(ZoneInfo(NEW_YORK)).replace(tzinfo=None)
    return shown


def planned(conn: Connection) -> list[datetime]:
    """The pending messages' times on the lead's clock."""
    rows = conn.execute(
        "select scheduled_for from message_logs where status = 'pending' order by scheduled_for"
    ).fetchall()
    return [row[0].astimezone(ZoneInfo(NEW_YORK)).replace(tzinfo=None) for row in rows]


@pytest.mark.usefixtures("nurture")
def test_the_list_has_what_waits_in_each(conn: Connection, flowctl: RunFlowctl) -> None:
    a_lead(conn)
    a_lead(conn)
    (default, nurture) = flowctl("flows", "list", "--json").json()
    assert (default["name"], default["steps"], default["pending"]) == ("default", 0, 0)
    assert (nurture["leads"], nurture["pending"], nurture["steps"]) == (2, 6, 3)
    assert nurture["enabled"] is True
    assert nurture["paused_at"] is None
    assert nurture["timezone"] == NEW_YORK
    assert nurture["next_due"] is not None
    conn.execute("update flows set enabled = false, min_gap = '4h' where name = 'nurture'")
    shown = flowctl("flows", "list").stdout
    assert "off" in shown
    assert "min_gap 4h" in shown


@pytest.mark.usefixtures("nurture")
def test_a_paused_flow_keeps_its_messages_and_takes_new_leads(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    lead_since(conn, 1)
    assert flowctl("flows", "pause", "nurture").exit_code == 0
    a_lead(conn)
    ran = flowctl("dispatch", "--once", "--outbox", tmp_path, "--json")
    assert ran.json()["sent"] == 0
    assert {status for (status,) in messages(conn, "status")} == {"pending"}
    assert len(messages(conn, "status")) == 6
    again = flowctl("flows", "pause", "nurture")
    assert (again.exit_code, "was paused already" in again.stdout) == (0, True)
    assert "paused since" in flowctl("flows", "list").stdout


@pytest.mark.usefixtures("nurture")
def test_resuming_asks_for_a_decision_about_what_came_due(
    conn: Connection, flowctl: RunFlowctl
) -> None:
    lead_since(conn, 1)
    flowctl("flows", "pause", "nurture")
    before = messages(conn, "id", "status", "scheduled_for", "xmin")
    ran = flowctl("flows", "resume", "nurture")
    assert ran.exit_code == 1
    assert "of 1 lead came due while nurture was paused; nothing changed" in ran.stderr
    assert "--late send, skip or shift" in ran.stderr
    dry = flowctl("flows", "resume", "nurture", "--late", "skip", "--dry-run")
    assert "came due meanwhile" in dry.stdout
    assert messages(conn, "id", "status", "scheduled_for", "xmin") == before
    assert conn.execute(
        "select paused_at is not null from flows where name = 'nurture'"
    ).fetchone() == (True,)


@pytest.mark.usefixtures("nurture")
def test_late_ones_are_sent_in_step_order(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    lead_since(conn, 5)
    flowctl("flows", "pause", "nurture")
    assert flowctl("flows", "resume", "nurture", "--late", "send").exit_code == 0
    ran = flowctl("dispatch", "--once", "--outbox", tmp_path, "--json")
    assert ran.json()["sent"] == 3


@pytest.mark.usefixtures("nurture")
def test_late_ones_are_skipped(conn: Connection, flowctl: RunFlowctl) -> None:
    lead_since(conn, 2)
    flowctl("flows", "pause", "nurture")
    late = sum(at < clock(conn) for at in planned(conn))
    assert flowctl("flows", "resume", "nurture", "--late", "skip").exit_code == 0
    rows = messages(conn, "status", "cause", "error_message")
    assert rows.count(("cancelled", "paused", "missed in a pause")) == late > 0


@pytest.mark.usefixtures("nurture")
def test_shifted_ones_keep_time_of_day_and_distance(conn: Connection, flowctl: RunFlowctl) -> None:
    lead_since(conn, 4)
    flowctl("flows", "pause", "nurture")
    before = planned(conn)
    assert flowctl("flows", "resume", "nurture", "--late", "shift").exit_code == 0
    after = planned(conn)
    days = {(new - old) // timedelta(days=1) for new, old in zip(after, before, strict=True)}
    assert len(days) == 1
    assert {new - old for new, old in zip(after, before, strict=True)} == {
        timedelta(days=days.pop())
    }
    assert clock(conn) <= after[0] < clock(conn) + timedelta(days=1)
    assert messages(conn, "scheduled_for") == messages(conn, "planned_for")


@pytest.mark.usefixtures("nurture")
def test_without_late_ones_no_decision_is_wanted(conn: Connection, flowctl: RunFlowctl) -> None:
    a_lead(conn, created_at="2999-01-01T00:00:00Z")
    flowctl("flows", "pause", "nurture")
    ran = flowctl("flows", "resume", "nurture")
    assert (ran.exit_code, ran.stdout) == (0, "nurture is resumed\n")
    again = flowctl("flows", "resume", "nurture")
    assert (again.exit_code, again.stdout) == (0, "nurture is not paused\n")


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_an_unknown_flow_is_named_with_the_nearest(flowctl: RunFlowctl, verb: str) -> None:
    ran = flowctl("flows", verb, "defualt")
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr == "error: there is no flow 'defualt'\nhint: did you mean 'default'?\n"


def test_a_decision_that_is_none_is_wrong_usage(flowctl: RunFlowctl) -> None:
    assert flowctl("flows", "resume", "default", "--late", "later").exit_code == 2
