"""``flowctl messages``: retry, cancel."""

from typing import Any
from uuid import UUID

import pytest

from flowctl.database import connect
from flowctl.message_changes import Change, carry_out, plan_by_filter
from flowctl.messages import Criteria
from flowctl.settings import Settings
from tests.cli.message_rows import ids, statuses
from tests.support.cli import RunFlowctl
from tests.support.distributed import on_one_machine
from tests.support.factories import database_now
from tests.support.postgres import Connection
from tests.support.sending import begin_sends, hold_pending


@pytest.mark.usefixtures("lead")
def test_a_dry_run_says_what_would_be_done(flowctl: RunFlowctl, conn: Connection) -> None:
    before = statuses(conn)
    ran = flowctl("messages", "retry", "--error", "100%", "--dry-run")
    assert (ran.exit_code, ran.stdout) == (
        0, "would retry 1 failed and 1 cancelled messages (1 email, 1 text)\n",
    )  # fmt: skip
    assert f"{ids(conn)['failed'][:8]} " in ran.stderr
    assert "default/failed, Ada" in ran.stderr
    assert statuses(conn) == before


@pytest.mark.usefixtures("lead")
def test_retry_asks_and_makes_due(flowctl: RunFlowctl, conn: Connection) -> None:
    conn.execute(
        "update message_logs set retry_at = '2999-01-01', claimed_by = gen_random_uuid(), "
        "lease_until = '2999-01-01' where status in ('failed', 'cancelled')"
    )
    asked = flowctl("messages", "retry", "--error", "100%")
    assert asked.exit_code == 1
    assert "retry 1 failed and 1 cancelled messages (1 email, 1 text)?" in asked.stderr
    assert statuses(conn)["failed"] == "failed"
    done = flowctl("messages", "retry", "--error", "100%", "--yes")
    assert (done.exit_code, done.stdout) == (0, "2 messages pending again\n")
    found = conn.execute(
        "select status, attempts, error_message, due_at <= now(), claimed_by, lease_until "
        "from message_logs where attempts = 0"
    ).fetchall()
    # one is late, and one is planned for tomorrow
    assert found == [("pending", 0, None, is_late, None, None) for is_late in (True, False)]


@pytest.mark.usefixtures("lead")
def test_retry_takes_ids(flowctl: RunFlowctl, conn: Connection) -> None:
    known = ids(conn)
    ran = flowctl("messages", "retry", known["failed"], known["failed"], "--yes")
    assert (ran.exit_code, ran.stdout) == (0, "1 message pending again\n")
    assert statuses(conn) == {
        "cancelled": "cancelled",
        "failed": "pending",
        "pending": "pending",
        "sent": "sent",
    }


@pytest.mark.usefixtures("lead")
@pytest.mark.parametrize(
    ("verb", "refused", "why"),
    [
        ("retry", "sent", "it is sent"),
        ("retry", "pending", "it is pending"),
        ("cancel", "sent", "it is sent"),
        ("cancel", "failed", "it is failed"),
        ("cancel", "cancelled", "it is cancelled"),
    ],
)
def test_an_id_that_cannot_be_taken_stops_the_others(
    verb: str, refused: str, why: str, *, flowctl: RunFlowctl, conn: Connection
) -> None:
    known = ids(conn)
    before = statuses(conn)
    good = {"retry": "failed", "cancel": "pending"}[verb]
    ran = flowctl("messages", verb, known[good], known[refused], "--yes")
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr.splitlines()[0] == f"error: message {known[refused]}: {why}"
    assert statuses(conn) == before


@pytest.mark.usefixtures("lead")
def test_several_refusals_are_all_named(flowctl: RunFlowctl, conn: Connection) -> None:
    known = ids(conn)
    ran = flowctl("messages", "retry", known["sent"], known["pending"], "--yes")
    assert ran.exit_code == 3
    assert "2 of these messages cannot be taken" in ran.stderr
    assert known["sent"] in ran.stderr
    assert known["pending"] in ran.stderr


@pytest.mark.usefixtures("lead")
def test_what_is_being_sent_is_left_alone(flowctl: RunFlowctl, conn: Connection) -> None:
    begin_sends(conn)
    by_id = flowctl("messages", "cancel", ids(conn)["pending"], "--yes")
    assert by_id.exit_code == 3
    assert "it is being sent" in by_id.stderr
    by_filter = flowctl("messages", "cancel", "--step", "pending", "--yes")
    assert by_filter.exit_code == 3
    assert "there is nothing to cancel (1: it is being sent)" in by_filter.stderr
    assert statuses(conn)["pending"] == "pending"


@on_one_machine("over nodes a change waits for the dispatcher")
def test_what_begins_to_be_sent_meanwhile_is_left_alone(
    flowctl: RunFlowctl, conn: Connection, lead: UUID
) -> None:
    args = ("messages", "cancel", "--status", "pending", "--yes")
    with conn.transaction():
        hold_pending(conn, lead)
        begin_sends(conn)
        ran = flowctl(*args)
    assert ran.exit_code == 0
    assert ran.stdout.startswith("0 messages cancelled")
    assert "1 message" in ran.stderr
    assert statuses(conn)["pending"] == "pending"


_SENT = "update message_logs set status = 'sent', sent_at = now() where status <> 'sent'"
_BEGUN = "update message_logs set status = 'pending' where status <> 'sent'"
_NO_STEP = "delete from flow_steps"


@pytest.mark.usefixtures("lead")
@pytest.mark.parametrize(
    ("change", "meanwhile"),
    [
        (Change.RETRY, _SENT),
        (Change.RETRY, _BEGUN),
        (Change.RETRY, _NO_STEP),
        (Change.CANCEL, _SENT),
        (Change.CANCEL, _BEGUN),
    ],
)
def test_what_happens_between_question_and_answer_is_seen(
    change: Change, meanwhile: str, conn: Connection, database: str
) -> None:
    with connect(database) as connection:
        plan = plan_by_filter(connection, Settings.from_env({}), change, Criteria(error="100%"))
        assert plan.taken
        conn.execute(meanwhile.encode())
        if meanwhile == _BEGUN:
            begin_sends(conn)
            back = "update message_logs set status = %s where status = 'pending'"
            conn.execute(back, (change.value[0],))
        assert carry_out(connection, plan) == 0


@pytest.mark.usefixtures("lead")
def test_a_message_without_its_step_is_not_retried(flowctl: RunFlowctl, conn: Connection) -> None:
    failed = ids(conn)["failed"]
    conn.execute("delete from flow_steps where key = 'failed'")
    ran = flowctl("messages", "retry", failed, "--yes")
    assert ran.exit_code == 3
    assert "its step was deleted" in ran.stderr
    some = flowctl("messages", "retry", "--error", "100%", "--yes")
    assert (some.exit_code, some.stdout) == (0, "1 message pending again\n")
    assert "1 left out: its step was deleted" in some.stderr


def test_what_is_retried_keeps_its_planned_time_where_that_lies_ahead(
    flowctl: RunFlowctl, conn: Connection, lead: UUID
) -> None:
    now = database_now(conn)
    conn.execute(
        "update message_logs m set status = 'cancelled', scheduled_for = planned_for + '1 hour',"
        " planned_for = planned_for - case when s.step_order < 3 then interval '2 days'"
        " else interval '0' end, is_unknown = false"
        " from flow_steps s where s.id = m.flow_step_id and m.status <> 'sent'"
    )
    planned: dict[str, Any] = dict(
        conn.execute(
            "select id::text, planned_for from message_logs where status <> 'sent'"
        ).fetchall()
    )
    asked = flowctl("messages", "retry", "--lead", str(lead))
    assert "1 of them only at the planned time" in asked.stderr
    assert flowctl("messages", "retry", "--lead", str(lead), "--yes").stdout == (
        "3 messages pending again\n"
    )
    for identity, scheduled_for, planned_for in conn.execute(
        "select id::text, scheduled_for, planned_for from message_logs where status = 'pending'"
    ).fetchall():
        assert scheduled_for == planned_for
        was = planned[identity]
        assert scheduled_for == was if was > now else scheduled_for >= now


def test_an_unknown_outcome_is_retried_only_on_request(
    flowctl: RunFlowctl, conn: Connection, lead: UUID
) -> None:
    conn.execute(
        "update message_logs set is_unknown = true, error_message = 'connection lost' "
        "where status = 'failed'"
    )
    left = flowctl("messages", "retry", "--lead", str(lead), "--status", "failed", "--yes")
    assert left.exit_code == 3
    assert "1: its outcome is unknown (--unknown takes those)" in left.stderr
    asked = flowctl("messages", "retry", ids(conn)["failed"])
    assert "1 of them may have gone out already" in asked.stderr
    done = flowctl("messages", "retry", "--unknown", "--yes")
    assert (done.exit_code, done.stdout) == (0, "1 message pending again\n")
    assert statuses(conn)["cancelled"] == "cancelled"


@pytest.mark.usefixtures("lead")
def test_cancel_takes_what_is_pending(flowctl: RunFlowctl, conn: Connection) -> None:
    asked = flowctl("messages", "cancel", "--step", "pending")
    assert asked.exit_code == 1
    assert "cancel 1 pending message (1 email)?" in asked.stderr
    done = flowctl("messages", "cancel", "--status", "pending", "--yes")
    assert (done.exit_code, done.stdout) == (0, "1 message cancelled\n")
    found = conn.execute("select error_message from message_logs where error_message like '%hand'")
    assert found.fetchall() == [("cancelled by hand",)]
