"""``flowctl messages show``: the life of a message, by whatever it went through."""

from collections.abc import Callable
from datetime import datetime

import pytest

from flowctl.model import Outcome, OutcomeKind
from tests.support.cli import RunFlowctl
from tests.support.dispatching import dispatch_once
from tests.support.distributed import on_one_machine
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.invariants import let_retries_come
from tests.support.postgres import Connection
from tests.support.returned import ENVIRON, sample

SMTP = {"SMTP_URL": "smtp://127.0.0.1:1", "EMAIL_FROM": "crm@example.com"}
LATER = Outcome(OutcomeKind.DEFERRED, "450", "try later")
GONE = Outcome(OutcomeKind.SUPPRESSED, "550", "5.1.1 no such user")
UNKNOWN = Outcome(OutcomeKind.UNKNOWN, detail="no answer")


def noted(conn: Connection) -> list[tuple[str, str | None]]:
    """What was written down, in its order."""
    return conn.execute("select event, detail from flowctl.message_history order by id").fetchall()


@on_one_machine("what nodes do in one transaction has the time of each")
def test_a_life_is_told_from_its_plan_to_its_return(
    flowctl: RunFlowctl, conn: Connection, database: str
) -> None:
    a_step(conn, key="welcome")
    a_lead(conn, email="unknown@example.net")
    ((message_id,),) = messages(conn, "id")
    dispatch_once(database, answer=lambda _: LATER)
    let_retries_come(conn)
    dispatch_once(database)
    bounce = sample("postfix-unknown.eml", message_id).decode("ascii")
    assert flowctl("reconcile", "-", env=ENVIRON, input=bounce).exit_code == 0
    document = flowctl("messages", "show", str(message_id)[:8], "--json").json()
    history = document["history"]
    assert [one["event"] for one in history] == [
        "planned", "retrying", "sent", "bounced", "suppressed",
    ]  # fmt: skip
    assert [list(one) for one in history] == [["at", "event", "detail"]] * 5
    times = [datetime.fromisoformat(one["at"]) for one in history]
    assert times == sorted(times)
    details = [one["detail"] for one in history]
    assert details[0].startswith("for ")
    assert "450" in details[1]
    assert "due " in details[1]
    assert details[2].startswith("to unknown@example.net, attempt 2")
    assert details[3].startswith("5.1.1")
    assert details[4].startswith("bounce")
    table = flowctl("messages", "show", str(message_id)).stdout
    assert all(one["event"] in table for one in history)


def pause_and_shift(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("update flows set paused_at = now()")
    flowctl("flows", "resume", "default", "--late", "shift")


def stop_and_resume(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute(
        "update message_logs set scheduled_for = now() + interval '1 day',"
        " planned_for = now() + interval '1 day'"
    )
    conn.execute("delete from flowctl.message_history")
    flowctl("leads", "stop", "ada@example.com", "--reason", "on the phone")
    flowctl("leads", "resume", "ada@example.com")


def move_by_sql(conn: Connection, _: RunFlowctl) -> None:
    conn.execute("update message_logs set scheduled_for = now() + interval '1 day'")


def close_the_window(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute(
        "update flows set send_window = jsonb_build_object('days', jsonb_build_array("
        "to_char(now() at time zone 'UTC' + interval '3 days', 'dy')))"
    )
    flowctl("dispatch", "--once", env=SMTP)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (pause_and_shift, [("moved", "shifted after a pause")]),
        (stop_and_resume, [("cancelled", "on the phone"), ("reopened", "by hand")]),
        (move_by_sql, [("moved", "by hand")]),
        (close_the_window, [("moved", "waits for the send window")]),
    ],
)
def test_what_was_done_to_it_is_told(
    flowctl: RunFlowctl,
    conn: Connection,
    act: Callable[[Connection, RunFlowctl], None],
    expected: list[tuple[str, str]],
) -> None:
    a_step(conn)
    a_lead(conn)
    act(conn, flowctl)
    assert noted(conn) == expected


def test_a_gap_is_told_from_a_window(conn: Connection, database: str) -> None:
    a_flow(conn, min_gap="2 hours", send_window={"start": "12:00 AM"})
    a_step(conn)
    a_step(conn)
    a_lead(conn)
    dispatch_once(database)
    assert noted(conn) == [("moved", "waits for the gap (min_gap)")]


@pytest.mark.parametrize(
    ("outcome", "event"), [(GONE, "failed"), (UNKNOWN, "unknown"), (LATER, "retrying")]
)
def test_an_attempt_is_written_down_with_its_outcome(
    conn: Connection, database: str, outcome: Outcome, event: str
) -> None:
    a_step(conn)
    a_lead(conn)
    dispatch_once(database, answer=lambda _: outcome)
    assert [name for name, _ in noted(conn)] == [event]


def test_what_goes_well_is_not_written_down(conn: Connection, database: str) -> None:
    a_step(conn)
    a_step(conn, type="text", day=1)
    a_lead(conn)
    assert dispatch_once(database).totals.sent == 1
    assert noted(conn) == []


def test_what_was_said_goes_with_the_message(
    flowctl: RunFlowctl, conn: Connection, database: str
) -> None:
    a_step(conn)
    lead = a_lead(conn)
    dispatch_once(database, answer=lambda _: GONE)
    conn.execute(
        "update message_logs set scheduled_for = now() - interval '1 year',"
        " planned_for = now() - interval '1 year', created_at = now() - interval '1 year'"
    )
    assert noted(conn)
    flowctl("messages", "prune", "--older-than", "30d", "--yes")
    assert noted(conn) == []
    conn.execute("update message_logs set scheduled_for = now()")
    conn.execute("delete from leads where id = %s", (lead,))
    assert noted(conn) == []


def test_what_was_over_before_anything_was_written_down(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("update message_logs set status = 'failed', error_message = 'of old'")
    conn.execute("delete from flowctl.message_history")
    ((message_id,),) = messages(conn, "id")
    history = flowctl("messages", "show", str(message_id), "--json").json()["history"]
    assert [(one["event"], one["detail"]) for one in history][1:] == [("failed", "of old")]
