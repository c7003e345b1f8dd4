"""``flowctl preview``: why a message has its time, or will not go."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.cli.previews import explanation, only, set_message
from tests.support.cli import RunFlowctl
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.postgres import Connection


def test_what_was_sent_is_shown_as_it_was_sent(flowctl: RunFlowctl, conn: Connection) -> None:
    step = a_step(conn, key="welcome", content="{{ first_name }}")
    lead = a_lead(conn, timezone="Asia/Tokyo")
    set_message(
        conn, sent_at="2026-03-02T15:00Z", recipient="old@example.com", subject="{{ raw }}",
        content="as sent {{ raw }}", status="sent",
    )  # fmt: skip
    message = only(flowctl("preview", str(lead), "--json"))
    assert message["status"] == "sent"
    assert message["sent_at"] == "2026-03-03T00:00:00+09:00"
    assert message["to"] == "old@example.com"
    assert message["subject"] == "{{ raw }}"
    assert message["content"] == "as sent {{ raw }}"
    assert message["reason"] is None
    conn.execute("delete from flow_steps where id = %s", (step,))
    orphan = only(flowctl("preview", str(lead), "--json"))
    assert (orphan["flow"], orphan["key"], orphan["step_order"]) == (None, None, None)
    assert orphan["sent_at"] == "2026-03-03T00:00:00+09:00"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_ended_badly_says_why(status: str, flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    lead = a_lead(conn)
    set_message(conn, status=status, error_message="550 no such user")
    message = only(flowctl("preview", str(lead), "--json"))
    assert (message["status"], message["reason"]) == (status, "550 no such user")
    assert message["content"] == "Hello Ada"


def test_what_is_not_scheduled_says_why(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, "off", enabled=False)
    a_flow(conn, "others", audience={"source": "fair"})
    a_step(conn, key="behind", day=1)
    a_step(conn, key="off", enabled=False)
    a_step(conn, flow="off", key="of-flow-off")
    a_step(conn, flow="others", key="not-in-audience")
    lead = a_lead(conn, created_at="2026-03-02T15:00Z")
    a_step(conn, key="added-later", day=3650)
    in_none = flowctl("preview", str(lead))
    assert (in_none.exit_code, in_none.stdout) == (0, "")
    assert "the lead is in no flow: --all shows" in in_none.stderr
    ran = flowctl("preview", str(lead), "--all", "--json")
    found = {message["key"]: message for message in ran.json()["messages"]}
    assert {key: message["reason"] for key, message in found.items()} == {
        "behind": "its date has passed for this lead",
        "off": "step is off",
        "of-flow-off": "flow is off",
        "not-in-audience": "lead is not in the audience",
        "added-later": "step was added or enabled after the lead came; "
        "leads enroll would schedule it",
    }
    assert {message["status"] for message in found.values()} == {None}
    assert found["behind"]["scheduled_for"] == "2026-03-03T15:00:00+00:00"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update leads set email = null", "lead has no email"),
        ("update leads set email = ' '", "lead has no email"),
        ("update flow_steps set enabled = false", "step is off"),
        ("update flows set enabled = false", "flow is off"),
        ('update flows set exit_when = \'{"status": "won"}\'', "lead left the flow (exit_when)"),
        ("insert into suppressions values ('email', 'ada@example.com')", "recipient is suppressed"),
        ("update message_logs set error_message = '421 busy'", "421 busy"),
        (
            "update flows set expire_after = '1 microsecond'",
            "expired: more than 00:00:00.000001 late",
        ),
    ],
)
def test_what_will_keep_a_pending_message_back(
    change: str, reason: str, flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn)
    lead = a_lead(conn, email="Ada@Example.com", status="won")
    conn.execute(change.encode())
    message = only(flowctl("preview", str(lead), "--json"))
    assert message["status"] == "pending"
    assert message["reason"] == reason


def test_a_template_that_fails_is_the_reason(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, content="{{ first_name | divided_by: 0 }}")
    message = only(flowctl("preview", str(a_lead(conn)), "--json"))
    assert message["reason"].startswith("template: ")
    assert message["content"] is None


@pytest.mark.parametrize(
    ("zone", "when", "step", "said"),
    [
        ("UTC", "2026-03-02 15:00", {}, "at once, when the lead is created"),
        ("UTC", "2026-03-02 15:00", {"day": 2}, "2 days later at the same time of day: Wed 4 Mar"),
        (
            "America/New_York",
            "2026-03-07 12:00",
            {"day": 1, "time": "2:30 AM"},
            "2:30 AM does not exist on that day, the clock goes forward: Sun 8 Mar 2026, 3:30 AM",
        ),
        (
            "America/New_York",
            "2026-10-31 12:00",
            {"day": 1, "time": "1:30 AM"},
            "1:30 AM comes twice on that day, the clock goes back: the later",
        ),
        ("UTC", "2026-03-02 15:00", {"time": "9:00 AM"}, "already past when it was scheduled"),
        (
            "UTC",
            "2026-03-07 12:00",
            {"type": "text"},
            "outside the send window (8:00 AM to 8:00 PM, mon, tue): moved to Mon 9 Mar 2026, 8:00",
        ),
        ("UTC", "2026-03-02 12:00", {"type": "text"}, "inside the send window (8:00 AM to"),
        ("UTC", "2026-03-02 12:00", {"enabled": False}, "not scheduled: step is off"),
        ("Mars/Base", "2026-03-02 12:00", {}, "the lead's 'Mars/Base' is not an IANA time zone"),
    ],
)
def test_each_time_is_explained(
    zone: str, when: str, step: dict[str, Any], said: str, *, flowctl: RunFlowctl, conn: Connection
) -> None:
    known = zone != "Mars/Base"
    window = {"start": "8:00 AM", "end": "8:00 PM", "days": ["mon", "tue"], "types": ["text"]}
    a_flow(conn, timezone=zone if known else "UTC", send_window=window)
    a_step(conn, **step)
    lead = "{}" if known else json.dumps({"timezone": zone})
    args = ("preview", "--created-at", when, "--lead", lead, "--explain", "--json")
    assert said in explanation(flowctl(*args))


def test_a_gap_is_explained(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, min_gap="4 hours")
    a_step(conn, key="first")
    a_step(conn, key="second", day=0, time="4:00 PM")
    a_step(conn, key="other-channel", type="text")
    ran = flowctl("preview", "--created-at", "2026-03-02 15:00", "--explain", "--json")
    said = {message["key"]: message["explanation"] for message in ran.json()["messages"]}
    assert said["second"][-1] == (
        "min_gap 4h after the message before it: it waits until about Mon 2 Mar 2026, 7:00 PM"
    )
    assert not any("min_gap" in sentence for sentence in said["first"] + said["other-channel"])


def test_a_preview_keeps_the_gaps_that_dispatch_will_keep(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_flow(conn, min_gap="20 hours", send_window={"start": "8:00 AM", "end": "6:00 PM"})
    for number, at in enumerate(("9:00 AM", "10:00 AM", "11:00 AM"), start=1):
        a_step(conn, key=f"step-{number}", time=at, time_type="specific")
    ran = flowctl("preview", "--created-at", "2026-03-02 08:00", "--json")
    assert [(m["key"], m["scheduled_for"]) for m in ran.json()["messages"]] == [
        ("step-1", "2026-03-02T09:00:00+00:00"),
        ("step-2", "2026-03-03T08:00:00+00:00"),
        ("step-3", "2026-03-04T08:00:00+00:00"),
    ]


def test_a_gap_counts_from_what_was_sent_and_from_now(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_flow(conn, min_gap="20 hours")
    for number in range(3):
        a_step(conn, key=f"step-{number}")
    lead = a_lead(conn)
    conn.execute(
        "update message_logs m set status = 'sent', sent_at = now() - interval '1 hour'"
        " from flow_steps s where s.id = m.flow_step_id and s.key = 'step-0'"
    )
    sent, first, second = flowctl("preview", str(lead), "--json").json()["messages"]
    waits = [
        datetime.fromisoformat(late["scheduled_for"]) - datetime.fromisoformat(sent["sent_at"])
        for late in (first, second)
    ]
    assert waits == [timedelta(hours=20), timedelta(hours=40)]


def test_a_message_that_was_moved_says_so(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    lead = a_lead(conn)
    set_message(conn, scheduled_for="2999-01-01T00:00Z", retry_at="2999-01-02T00:00Z")
    said = explanation(flowctl("preview", str(lead), "--explain", "--json"))
    assert "it stands at Tue 1 Jan 2999, 12:00 AM" in said
    assert "the next attempt is not before Wed 2 Jan 2999, 12:00 AM" in said
