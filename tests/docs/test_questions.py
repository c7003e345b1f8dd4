"""The everyday questions, asked as docs/operating.md says, of 2,000 leads with mixed histories;
each answer is compared with what the tables say, read another way."""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.docs.asking import FILE, HISTORIES, Asker
from tests.support.cli import RunFlowctl
from tests.support.factories import a_flow, a_step
from tests.support.postgres import Connection

PLACES = """
select distinct on (lead.id) lead.id::text, step.key
from leads as lead
join message_logs as message on message.lead_id = lead.id and message.status = 'pending'
join flow_steps as step on step.id = message.flow_step_id
order by lead.id, message.scheduled_for
"""


@pytest.fixture
def asker(flowctl: RunFlowctl, conn: Connection, tmp_path: Path) -> "Asker":
    """Whoever asks, before a database with a past."""
    (tmp_path / "flows.toml").write_text(FILE)
    a_flow(conn, "customers")
    asker = Asker(flowctl, conn, tmp_path)
    assert flowctl("steps", "sync", "flows.toml", cwd=tmp_path).exit_code == 0
    conn.execute(HISTORIES)
    a_step(conn, flow="customers", key="hello", day=1)
    run = flowctl("dispatch", "--once", "--outbox", "outbox", "--limit", "20", cwd=tmp_path)
    assert run.exit_code == 0, run
    return asker


def ids(listed: list[dict[str, Any]]) -> set[str]:
    """The messages of an answer."""
    return {one["id"] for one in listed}


@pytest.mark.timeout(600)
def test_what_people_ask_is_answered_by_one_command(asker: Asker) -> None:
    what_went_out(asker)
    what_is_wrong(asker)
    what_comes(asker)
    who_is_where(asker)
    one_person(asker)


@pytest.mark.timeout(600)
def test_what_people_want_is_done_by_one_command(asker: Asker) -> None:
    pause_and_resume(asker)
    stop_and_undo(asker)
    send_again(asker)
    move_and_forget(asker)


def what_went_out(asker: Asker) -> None:
    listed = asker.ask("messages list --status sent --since 1d")
    expected = asker.rows(
        "select id::text, recipient from message_logs "
        "where status = 'sent' and sent_at >= now() - interval '1 day'"
    )
    assert sorted((one["id"], one["to"]) for one in listed) == sorted(expected)
    yesterday, today = (
        f"{asker.one('select (now() - %s)::date', timedelta(days=days))}" for days in (1, 0)
    )
    listed = asker.ask(
        "messages list --status sent --since 2026-03-01 --until 2026-03-02",
        put={"2026-03-01": yesterday, "2026-03-02": today},
    )
    assert ids(listed) == asker.ids(
        "status = 'sent' and (sent_at at time zone 'UTC')::date = %s::date", yesterday
    )


def what_is_wrong(asker: Asker) -> None:
    due = asker.ids("status = 'pending' and scheduled_for <= now()")
    assert due
    assert ids(asker.ask("messages list --due")) == due
    status = asker.ask("status --since 7d")
    assert {one["reason"]: one["count"] for one in status["failures"]} == dict(
        asker.rows(
            "select error_message, count(*) from message_logs where status = 'failed' "
            "and scheduled_for >= now() - interval '7 days' group by 1"
        )
    )
    last = asker.one("select max(ended_at) from flowctl.runs")
    assert datetime.fromisoformat(asker.ask("status")["last_run"]["ended_at"]) == last
    undelivered = asker.ids("delivery_status = 'undelivered'")
    assert undelivered
    assert ids(asker.ask("messages list --undelivered")) == undelivered
    assert ids(asker.ask("messages list --unknown")) == asker.ids("is_unknown")
    wrong = {
        one["name"] for one in asker.ask("doctor", status=1)["checks"] if one["status"] == "fault"
    }
    assert "channels" in wrong  # neither is configured here
    opted_out = {(one["address"], one["source"]) for one in asker.ask("suppressions list")}
    assert opted_out == set(asker.rows("select address, source from suppressions"))


def what_comes(asker: Asker) -> None:
    tomorrow = asker.one("select (now() + interval '1 day')::date")
    listed = asker.ask(
        "messages list --status pending --since '2026-03-02 09:00' --until '2026-03-02 10:00'",
        put={"2026-03-02 09:00": f"{tomorrow} 09:00", "2026-03-02 10:00": f"{tomorrow} 10:00"},
    )
    assert listed
    assert sorted((one["id"], one["to"]) for one in listed) == sorted(
        asker.rows(
            "select message.id::text, case message_type when 'text' then phone else email end "
            "from message_logs as message join leads as lead on lead.id = lead_id "
            "where message.status = 'pending' and scheduled_for = %s::date + time '9:00'",
            tomorrow,
        )
    )
    days = asker.ask("forecast")["days"]
    texts = asker.one(
        "select count(*) from message_logs join leads as lead on lead.id = lead_id "
        "where message_type = 'text' and message_logs.status = 'pending' "
        "and scheduled_for < date_trunc('day', now()) + interval '7 days' "
        "and phone not in (select address from suppressions)"
    )
    assert sum(day["segments"] for day in days) == texts
    shown = asker.ask(
        "preview --created-at '2026-03-02 10:00' --timezone Europe/Berlin",
        put={"2026-03-02 10:00": f"{tomorrow} 10:00"},
    )
    first = next(one for one in shown["messages"] if one["flow"] == "nurture")
    assert first["scheduled_for"].startswith(f"{tomorrow}T10:00:00")
    changed = FILE.replace("Bye", "Good bye")
    asker.write(changed)
    plan = asker.ask("steps sync flows.toml --dry-run")
    kept = asker.one(
        "select count(*) from message_logs join flow_steps as step on step.id = flow_step_id "
        "where message_logs.status = 'pending' and step.key = 'last'"
    )
    assert (plan["updated"], plan["pending_kept"]) == (["nurture/last"], kept)


def who_is_where(asker: Asker) -> None:
    places = dict(asker.rows(PLACES))
    listed = asker.ask("leads list --flow nurture")
    assert {one["id"]: one["step"] for one in listed if one["state"] == "active"} == places
    finished = asker.ask("leads list --flow nurture --state finished")
    done = asker.rows(
        "select lead_id::text from message_logs group by 1 having bool_or(status = 'sent') "
        "and not bool_or(status = 'pending') "
        "and not coalesce(bool_or(cause = 'suppressed'), false)"
    )
    assert {one["id"] for one in finished} == {row[0] for row in done}
    changes = asker.ask("steps history --flow nurture --since 7d")
    assert Counter(one["change"] for one in changes) == dict(
        asker.rows(
            "select change, count(*) from flowctl.step_changes where flow = 'nurture' group by 1"
        )
    )
    flows = {one["name"]: one["enabled"] for one in asker.ask("flows list")}
    assert flows == dict(asker.rows("select name, enabled from flows"))


def one_person(asker: Asker) -> None:
    lead, email = asker.rows(
        "select lead.id::text, email from leads as lead join message_logs as message "
        "on message.lead_id = lead.id where cause = 'suppressed' and message_type = 'text' limit 1"
    )[0]
    explained = asker.ask("preview LEAD --explain", put={"LEAD": email})["messages"]
    text = next(one for one in explained if one["key"] == "hint")
    assert (text["status"], text["reason"]) == ("cancelled", "recipient is suppressed")
    said = asker.ask("preview LEAD", put={"LEAD": email})["messages"]
    wrote = {one["content"] for one in said if one["status"] == "sent"}
    assert wrote == {
        row[0]
        for row in asker.rows(
            "select content from message_logs where status = 'sent' and lead_id::text = %s", lead
        )
    }
    shown = asker.ask("leads show LEAD", put={"LEAD": email})
    assert {name: number for name, number in shown["messages"].items() if number} == dict(
        asker.rows(
            "select status, count(*) from message_logs where lead_id::text = %s group by 1", lead
        )
    )


def pause_and_resume(asker: Asker) -> None:
    assert asker.ask("flows pause nurture")["paused_at"]
    assert ids(asker.ask("messages list --due")) == set()
    before = dict(asker.rows("select id, scheduled_for from message_logs where status = 'pending'"))
    late = asker.ids("status = 'pending' and scheduled_for <= now()")
    assert late
    asker.ask("flows resume nurture --late shift")
    assert ids(asker.ask("messages list --due")) == set()
    after = dict(asker.rows("select id, scheduled_for from message_logs where status = 'pending'"))
    assert before.keys() == after.keys()
    moves = {after[one] - before[one] for one in before}
    assert all(move % timedelta(days=1) == timedelta() for move in moves)


def stop_and_undo(asker: Asker) -> None:
    lead, email, pending = asker.rows(
        "select lead.id::text, email, count(*) from leads as lead join message_logs as message "
        "on message.lead_id = lead.id where message.status = 'pending' "
        "group by lead.id having count(*) > 1 limit 1"
    )[0]
    stopped = asker.ask("leads stop LEAD --reason 'asked on the phone'", put={"LEAD": email})
    assert stopped == {"cancelled": pending}
    assert asker.ids("status = 'pending' and lead_id::text = %s", lead) == set()
    assert asker.ask("leads resume LEAD", put={"LEAD": email})["restored"] == pending
    assert len(asker.ids("status = 'pending' and lead_id::text = %s", lead)) == pending


def send_again(asker: Asker) -> None:
    fresh = asker.ids(
        "status = 'failed' and not is_unknown and scheduled_for >= now() - interval '1 day'"
    )
    assert fresh
    failed = len(asker.ids("status = 'failed'"))
    planned = asker.ask("messages retry --status failed --since 1d --dry-run")
    assert planned["retried"] == len(fresh)
    assert len(asker.ids("status = 'failed'")) == failed
    asker.ask("messages retry --status failed --since 1d", "--yes")
    assert asker.ids("status = 'pending' and scheduled_for <= now()") >= fresh
    assert len(asker.ids("status = 'failed'")) == failed - len(fresh)


def move_and_forget(asker: Asker) -> None:
    lead, email = asker.rows(
        "select lead.id::text, email from leads as lead join message_logs as message "
        "on message.lead_id = lead.id where message.status = 'pending' limit 1"
    )[0]
    asker.ask("leads move LEAD --from nurture --to customers", put={"LEAD": email})
    assert asker.rows(
        "select step.flow from message_logs as message join flow_steps as step "
        "on step.id = flow_step_id where lead_id::text = %s and message.status = 'pending'",
        lead,
    ) == [("customers",)]
    asker.ask("leads forget LEAD", "--yes", put={"LEAD": email})
    assert asker.ids("lead_id::text = %s", lead) == set()
    assert asker.one("select count(*) from leads where email = %s", email) == 0
