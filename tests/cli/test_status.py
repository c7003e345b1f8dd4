"""``flowctl status``."""

import shlex
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.cli import RunFlowctl, run_flowctl
from tests.support.factories import a_flow, a_lead, a_step, database_now
from tests.support.hostile import FORBIDDEN, HOSTILE
from tests.support.postgres import Connection
from tests.support.roles import reader
from tests.support.sending import begin_sends

SMTP = {"SMTP_URL": "smtp://127.0.0.1:2525", "EMAIL_FROM": "crm@example.com"}


def some_messages(conn: Connection) -> None:
    """Two due emails, a due text, an email of tomorrow; two that failed, for one reason."""
    a_step(conn, key="now")
    a_step(conn, key="text", type="text")
    a_step(conn, key="tomorrow", day=1)
    a_lead(conn)
    a_step(conn, key="failed")
    a_lead(conn)
    a_lead(conn)
    conn.execute(
        "update message_logs as message set status = 'failed', error_message = 'lead has no email' "
        "from flow_steps as step where step.id = message.flow_step_id and step.key = 'failed'"
    )
    conn.execute(
        "update message_logs set status = 'sent', sent_at = now() where lead_id = "
        "(select id from leads limit 1 offset 2) and status = 'pending'"
    )


def test_the_document(flowctl: RunFlowctl, conn: Connection) -> None:
    some_messages(conn)
    conn.execute(
        "update message_logs set scheduled_for = scheduled_for - interval '1 hour' "
        "where message_type = 'text' and status = 'pending'"
    )
    ran = flowctl("status", "--json")
    assert (ran.exit_code, ran.stderr) == (0, "")
    document = ran.json()
    for key in ("last_run", "dispatchers", "stopped", "estimated"):
        assert not document.pop(key)
    oldest = document.pop("oldest_due_seconds")
    assert 3600 <= oldest < 7200
    assert abs(datetime.fromisoformat(document.pop("next_due")) - database_now(conn)) <= timedelta(
        1
    )
    assert document == {
        "counts": {"pending": 6, "sent": 3, "failed": 2, "cancelled": 0},
        "due": 4,
        "held": {"email": 2, "text": 2},
        "failures": [{"reason": "lead has no email", "count": 2}],
        "undelivered": [],
        "sent": {"hour": 3, "today": 3, "since": 3},
        "flows_paused": [],
        "paused": 0,
        "no_address": 0,
        "unread_timezones": {"count": 0, "examples": []},
    }


def test_the_keys_stand_in_the_order_of_the_contract(flowctl: RunFlowctl) -> None:
    document = flowctl("status", "--json").json()
    keys = ["counts", "due", "oldest_due_seconds", "next_due", "held", "failures", "undelivered"]
    assert list(document) == [
        *keys, "sent", "flows_paused", "paused", "no_address", "unread_timezones", "dispatchers",
        "last_run", "stopped", "estimated",
    ]  # fmt: skip
    assert document["oldest_due_seconds"] is None
    assert document["next_due"] is None


def test_a_channel_that_stands_still_is_named_with_its_reason(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    some_messages(conn)
    refused = {"SMTP_URL": "smtp://127.0.0.1:1", "EMAIL_FROM": "us@example.com"}
    assert flowctl("dispatch", "--once", "--channel", "email", env=refused).exit_code == 6
    stopped = flowctl("status", "--json").json()["stopped"]
    assert list(stopped) == ["email"]
    assert "refused" in stopped["email"]
    assert "\nstopped email" in flowctl("status").stdout
    flowctl("dispatch", "--once", "--channel", "text", env=refused)
    assert flowctl("status", "--json").json()["stopped"] == {}


def test_a_configured_channel_holds_nothing(flowctl: RunFlowctl, conn: Connection) -> None:
    some_messages(conn)
    assert flowctl("status", "--json", env=SMTP).json()["held"] == {"email": 0, "text": 2}


@pytest.mark.parametrize(
    "holds",
    [
        "update message_logs set lease_until = now() + interval '1 hour'",
        "update message_logs set retry_at = now() + interval '1 hour'",
        "",
    ],
)
def test_what_is_claimed_paused_or_being_sent_is_not_due(
    holds: str, flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    if holds:
        conn.execute(holds.encode())
    else:
        begin_sends(conn)
    document = flowctl("status", "--json").json()
    assert (document["due"], document["oldest_due_seconds"]) == (0, None)
    assert document["held"] == {"email": 0, "text": 0}
    assert document["counts"]["pending"] == 1


def test_people_see_what_needs_them(flowctl: RunFlowctl, conn: Connection) -> None:
    some_messages(conn)
    conn.execute("update message_logs set error_message = %s where status = 'failed'", (HOSTILE,))
    ran = flowctl("status")
    assert ran.exit_code == 0
    assert "warning: email is not configured: set SMTP_URL, EMAIL_FROM" in ran.stderr
    assert "pending    " in ran.stdout
    assert "2       [bold]Ada[/bold] [/x]" in ran.stdout
    assert not any(character in ran.stdout for character in FORBIDDEN)


def test_a_reader_can_look(flowctl: RunFlowctl, conn: Connection, database: str) -> None:
    some_messages(conn)
    with reader(conn, database) as url:
        env = {"DATABASE_URL": url}
        assert flowctl("status", "--json", env=env).json()["counts"]["sent"] == 3
        assert flowctl("forecast", "--json", env=env).exit_code == 0


def test_a_role_that_policies_keep_out_is_told_so(
    flowctl: RunFlowctl, conn: Connection, database: str
) -> None:
    some_messages(conn)
    with reader(conn, database, bypasses_policies=False) as url:
        ran = flowctl("status", "--json", env={"DATABASE_URL": url})
    assert (ran.exit_code, ran.stdout) == (4, "")
    assert "row-level security" in ran.stderr


def test_what_is_over_is_told_of_as_far_back_as_asked(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn)
    for days in (0, 2, 20):
        for status in ("sent", "failed", "cancelled"):
            lead = a_lead(conn)
            conn.execute(
                "update message_logs set status = %(status)s, scheduled_for = now() - %(ago)s, "
                "sent_at = case when %(status)s = 'sent' then now() - %(ago)s end, "
                "cause = case when %(status)s = 'cancelled' then 'no_address' end, "
                "error_message = case when %(status)s <> 'sent' then 'because' end "
                "where lead_id = %(lead)s",
                {"status": status, "ago": timedelta(days=days), "lead": lead},
            )
    for since, number in (("1d", 1), ("7d", 2), ("30d", 3)):
        document = flowctl("status", "--since", since, "--json").json()
        assert document["sent"]["since"] == document["no_address"] == number
        assert document["failures"] == [{"reason": "because", "count": number}]
        assert document["sent"]["hour"] == 1
    assert flowctl("status", "--since", "soon").exit_code == 2


def test_today_begins_at_midnight_of_the_default_flow(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    zone = "Pacific/Kiritimati"
    a_flow(conn, timezone=zone)
    a_step(conn)
    midnight = database_now(conn).astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0)
    for seconds in (-2, 1):
        lead = a_lead(conn)
        conn.execute(
            "update message_logs set status = 'sent', sent_at = %s where lead_id = %s",
            (midnight + timedelta(seconds=seconds), lead),
        )
    assert flowctl("status", "--json").json()["sent"]["today"] == 1


def test_a_paused_flow_is_named_and_its_messages_are_counted_apart(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_flow(conn, "other", paused_at=database_now(conn))
    a_step(conn, flow="other")
    a_step(conn, flow="other", day=1)
    a_step(conn)
    a_lead(conn)
    document = flowctl("status", "--json").json()
    assert document["flows_paused"] == ["other"]
    assert (document["due"], document["paused"]) == (1, 1)
    assert "1 in other" in flowctl("status").stdout


def test_zones_that_nobody_can_read_are_counted_with_examples(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    for zone in ("Mars/Base", "Mars/Base", "UTC+3", "", "  ", None, "europe/paris", "US/Eastern"):
        a_lead(conn, timezone=zone)
    found = flowctl("status", "--json").json()["unread_timezones"]
    assert found == {"count": 3, "examples": ["Mars/Base", "UTC+3"]}


def test_leads_without_such_a_column_have_none(flowctl: RunFlowctl, conn: Connection) -> None:
    a_lead(conn)
    conn.execute("alter table leads drop column timezone")
    found = flowctl("status", "--json").json()["unread_timezones"]
    assert found == {"count": 0, "examples": []}


def test_one_screen_of_80_columns(flowctl: RunFlowctl, conn: Connection) -> None:
    some_messages(conn)
    conn.execute(
        "update message_logs set error_message = repeat('it''s refused ', 30) "
        "where status = 'failed'"
    )
    conn.execute(
        "insert into flowctl.runs (id, host, is_loop, sent) "
        "select gen_random_uuid(), repeat('h', 200), true, 10000000 from generate_series(1, 9)"
    )
    for number in range(9):
        a_flow(conn, f"a flow of a long name {number}", paused_at=database_now(conn))
        a_lead(conn, timezone=f"a long name of a zone {number}")
    ran = flowctl("status")
    said = [line for line in ran.stderr.splitlines() if not line.startswith("warning:")]
    lines = [*ran.stdout.splitlines(), *said]
    assert max(map(len, lines)) <= 80, max(lines, key=len)
    assert len(lines) <= 24
    (command,) = [line.strip() for line in lines if "messages list" in line]
    listed = flowctl(*shlex.split(command)[1:], "--json").json()
    assert len(listed) == 2


@pytest.mark.parametrize("command", ["status", "forecast"])
def test_without_a_schema(command: str, empty_database: str) -> None:
    ran = run_flowctl(command, env={"DATABASE_URL": empty_database})
    assert (ran.exit_code, ran.stdout) == (5, "")
