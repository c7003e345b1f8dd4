"""``messages refresh``: pending messages follow steps, leads and rules of the time zones."""

import json
from datetime import timedelta

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection
from tests.support.sending import begin_sends

COUNTS = {"moved": 0, "rewritten": 0, "unchanged": 0}
WINNIPEG = "America/Winnipeg"


def refresh(flowctl: RunFlowctl, *options: str) -> dict[str, int]:
    """The numbers of a refresh."""
    ran = flowctl("messages", "refresh", "--json", *options)
    assert ran.exit_code == 0, ran.stderr
    document: dict[str, int] = json.loads(ran.stdout)
    return document


@pytest.fixture
def pending(conn: Connection) -> None:
    """A text at 9:00 AM in Winnipeg, ten days from now."""
    a_step(conn, key="hello", day=10, time="9:00 AM", time_type="specific")
    a_lead(conn, timezone=WINNIPEG)


def value(conn: Connection, expression: str) -> object:
    """An expression over the only message."""
    row = conn.execute(f"select {expression} from message_logs".encode()).fetchone()  # noqa: S608
    assert row is not None
    return row[0]


def local_time(conn: Connection, zone: str = WINNIPEG) -> str:
    """The planned time of the only message on a clock."""
    row = conn.execute(
        "select to_char(flowctl.local_time(planned_for, %s), 'HH24:MI') from message_logs", (zone,)
    ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.usefixtures("pending")
def test_what_is_in_line_stays(conn: Connection, flowctl: RunFlowctl) -> None:
    before = value(conn, "(scheduled_for, planned_for, content)::text")
    assert refresh(flowctl, "--yes") == COUNTS | {"unchanged": 1}
    assert value(conn, "(scheduled_for, planned_for, content)::text") == before


@pytest.mark.usefixtures("pending")
def test_messages_follow_the_rules_of_their_zone(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("select flowctl.take_zones('9999a', 'America/Winnipeg|||-420')")
    assert local_time(conn) != "09:00"
    plan = flowctl("messages", "refresh", "--dry-run")
    assert "America/Winnipeg: 1 move, such as default/hello: " in plan.stderr
    assert local_time(conn) != "09:00"
    assert refresh(flowctl, "--yes") == COUNTS | {"moved": 1}
    assert local_time(conn) == "09:00"
    assert value(conn, "scheduled_for - planned_for") == timedelta()
    assert refresh(flowctl, "--yes") == COUNTS | {"unchanged": 1}


@pytest.mark.usefixtures("pending")
def test_messages_follow_the_leads_timezone(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("update leads set timezone = 'Asia/Tokyo'")
    assert refresh(flowctl, "--yes") == COUNTS | {"moved": 1}
    assert local_time(conn, "Asia/Tokyo") == "09:00"


@pytest.mark.usefixtures("pending")
def test_messages_follow_their_step(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("update flow_steps set time = '10:30', content = 'other words'")
    assert refresh(flowctl, "--yes") == {"moved": 1, "rewritten": 1, "unchanged": 0}
    assert local_time(conn) == "10:30"
    assert value(conn, "content") == "other words"


@pytest.mark.usefixtures("pending")
def test_what_dispatch_has_moved_becomes_due_no_earlier(
    conn: Connection, flowctl: RunFlowctl
) -> None:
    conn.execute("update message_logs set scheduled_for = scheduled_for + interval '3 days'")
    before = value(conn, "scheduled_for")
    conn.execute("update flow_steps set time = '8:00'")
    assert refresh(flowctl, "--yes") == COUNTS | {"moved": 1}
    assert local_time(conn) == "08:00"
    assert value(conn, "scheduled_for") == before


@pytest.mark.usefixtures("pending")
def test_the_days_of_a_shift_are_kept(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute(
        "update message_logs set shifted_days = 2,"
        " planned_for = planned_for + interval '2 days',"
        " scheduled_for = scheduled_for + interval '2 days'"
    )
    before = value(conn, "planned_for::date")
    conn.execute("update flow_steps set time = '8:00'")
    assert refresh(flowctl, "--yes")["moved"] == 1
    assert value(conn, "planned_for::date") == before


@pytest.mark.usefixtures("pending")
def test_an_enrollments_own_date_is_kept(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute(
        "update message_logs set counted_from = now() + interval '5 days',"
        " planned_for = planned_for + interval '5 days',"
        " scheduled_for = scheduled_for + interval '5 days'"
    )
    conn.execute("update flow_steps set time = '8:00'")
    assert refresh(flowctl, "--yes")["moved"] == 1
    assert value(conn, "planned_for - now() > interval '14 days'")


@pytest.mark.usefixtures("pending")
def test_what_was_retried_keeps_its_time(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("update flow_steps set day = 0, time = null, time_type = 'immediately'")
    conn.execute("update leads set created_at = now() - interval '9 days'")
    conn.execute(
        "update message_logs set created_at = now() - interval '9 days',"
        " planned_for = now(), scheduled_for = now()"
    )
    conn.execute("update flow_steps set content = 'other words'")
    before = value(conn, "(planned_for, scheduled_for)::text")
    assert refresh(flowctl, "--yes") == COUNTS | {"rewritten": 1}
    assert value(conn, "(planned_for, scheduled_for)::text") == before


@pytest.mark.usefixtures("pending")
def test_what_is_claimed_is_left_alone(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("update flow_steps set time = '10:30'")
    conn.execute("update message_logs set lease_until = now() + interval '1 hour'")
    assert refresh(flowctl, "--yes") == COUNTS | {"unchanged": 1}


@pytest.mark.usefixtures("pending")
def test_a_claim_that_has_ended_holds_nothing(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("update flow_steps set time = '10:30'")
    conn.execute("update message_logs set lease_until = now() - interval '1 hour'")
    assert refresh(flowctl, "--yes") == COUNTS | {"moved": 1}


@pytest.mark.usefixtures("pending")
def test_what_is_being_sent_is_left_alone(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("update flow_steps set time = '10:30'")
    begin_sends(conn)
    assert refresh(flowctl, "--yes") == COUNTS | {"unchanged": 1}
    assert local_time(conn) == "09:00"


@pytest.mark.usefixtures("pending")
def test_everything_that_a_step_says_is_brought_in_line(
    conn: Connection, flowctl: RunFlowctl
) -> None:
    for change in ("subject = 'Hi'", "content = '<p>x'", "format = 'html'", "type = 'text'"):
        conn.execute(f"update flow_steps set {change}".encode())  # noqa: S608 - one of these
        assert refresh(flowctl, "--yes") == COUNTS | {"rewritten": 1}
        assert refresh(flowctl, "--yes") == COUNTS | {"unchanged": 1}


@pytest.mark.parametrize("table", ["flows", "flow_steps"])
@pytest.mark.usefixtures("pending")
def test_what_is_off_moves_nothing(conn: Connection, flowctl: RunFlowctl, table: str) -> None:
    conn.execute(f"update {table} set enabled = false".encode())  # noqa: S608 - one of two
    conn.execute("update flow_steps set time = '10:30', content = 'other words'")
    assert refresh(flowctl, "--yes") == COUNTS | {"unchanged": 1}


@pytest.mark.usefixtures("pending")
def test_the_audience_is_not_asked_again(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("""update flows set audience = '{"first_name": "Nobody"}'""")
    conn.execute("update flow_steps set time = '10:30'")
    assert refresh(flowctl, "--yes") == COUNTS | {"moved": 1}


@pytest.mark.usefixtures("pending")
def test_only_pending_messages_are_taken(conn: Connection, flowctl: RunFlowctl) -> None:
    identity = value(conn, "id::text")
    conn.execute("update message_logs set status = 'cancelled'")
    ran = flowctl("messages", "refresh", str(identity), "--yes")
    assert ran.exit_code == 3
    assert "it is cancelled" in ran.stderr
    assert refresh(flowctl, "--yes") == COUNTS


@pytest.mark.usefixtures("pending")
def test_without_a_yes_nothing_changes(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("update flow_steps set time = '10:30'")
    assert flowctl("messages", "refresh").exit_code == 1
    assert local_time(conn) == "09:00"


def test_a_time_that_is_past_by_now_becomes_now(conn: Connection, flowctl: RunFlowctl) -> None:
    a_step(conn, key="hello", day=1, time="9:00 AM", time_type="specific")
    a_lead(conn, timezone="UTC")
    for table in ("leads", "message_logs"):
        conn.execute(f"update {table} set created_at = now() - interval '5 hours'".encode())  # noqa: S608 - one of two
    conn.execute("update flow_steps set day = 0, time = null, time_type = 'immediately'")
    assert refresh(flowctl, "--yes")["moved"] == 1
    assert value(conn, "now() - planned_for < interval '1 hour'")
