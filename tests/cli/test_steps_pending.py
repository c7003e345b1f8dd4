"""``steps sync`` and the messages that are scheduled already."""

from pathlib import Path

from tests.cli.steps_files import ONE, TWO, add_lead, messages, synced
from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead
from tests.support.postgres import Connection


def test_pending_messages_keep_what_they_say_and_are_counted(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn)
    add_lead(conn, email="bob@b.example")
    before = messages(conn)
    said = synced(flowctl, file, ONE.replace("eins", "uno"))
    assert said == {
        "updated": ["n/a"],
        "disabled": ["n/b"],
        "pending_kept": 2,
        "cancelling": {"n/b": 2},
    }
    assert messages(conn) == before


def test_what_differs_is_seen_at_every_sync_and_may_follow_later(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn)
    changed = (ONE + TWO).replace("eins", "uno").replace("9:00 AM", "10:00 AM")
    assert synced(flowctl, file, changed) == {
        "updated": ["n/a"],
        "unchanged": ["n/b"],
        "pending_kept": 1,
    }
    assert synced(flowctl, file, changed) == {"unchanged": ["n/a", "n/b"], "pending_kept": 1}
    ran = flowctl("steps", "sync", file)
    assert "already up to date" in ran.stdout + ran.stderr
    assert "stay as they were scheduled: 1 of 1 lead (--update-pending" in ran.stderr
    assert ran.stdout.splitlines() == [
        "pending  n/a",
        "         1 pending message keeps the old text and time",
    ]
    said = synced(flowctl, file, changed, "--update-pending")
    assert said == {"unchanged": ["n/a", "n/b"], "pending_updated": 1}
    assert messages(conn)[0] == ("a", "text", "uno", "pending", None)
    times = conn.execute(
        "select (scheduled_for at time zone 'America/New_York')::time::text, planned_for ="
        " scheduled_for from message_logs where content = 'uno'"
    ).fetchall()
    assert times == [("10:00:00", True)]
    assert synced(flowctl, file, changed) == {"unchanged": ["n/a", "n/b"]}


def test_pending_messages_follow_on_request(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn, "'2999-03-04 15:00 America/New_York'")
    changed = (
        ONE.replace("eins", "uno").replace("9:00 AM", "10:00 AM").replace("day = 1", "day = 3")
    )
    assert synced(flowctl, file, changed, "--update-pending") == {
        "updated": ["n/a"],
        "disabled": ["n/b"],
        "pending_updated": 2,
        "pending_cancelled": 1,
        "cancelling": {"n/b": 1},
    }
    assert messages(conn) == [
        ("a", "text", "uno", "pending", None),
        ("b", "email", "two", "cancelled", "step is off"),
    ]
    moved = conn.execute(
        "select scheduled_for = '2999-03-07 10:00 America/New_York' from message_logs"
        " where status = 'pending'"
    ).fetchall()
    assert moved == [(True,)]


def test_a_changed_type_takes_its_pending_messages_along(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE + TWO)
    add_lead(conn)
    email = TWO.replace('type = "email"\nsubject = "two"', 'type = "text"')
    synced(flowctl, file, ONE + email, "--update-pending")
    assert messages(conn)[1] == ("b", "text", "two", "pending", None)


def test_a_new_zone_moves_the_whole_flow(flowctl: RunFlowctl, conn: Connection, file: Path) -> None:
    synced(flowctl, file, ONE)
    add_lead(conn, "'2999-03-04 15:00 America/New_York'")
    said = synced(flowctl, file, ONE.replace("America/New_York", "Asia/Tokyo"), "--update-pending")
    assert said == {"flows_updated": ["n"], "unchanged": ["n/a"], "pending_updated": 1}
    moved = conn.execute(
        "select scheduled_for = '2999-03-06 9:00 Asia/Tokyo' from message_logs"
    ).fetchall()
    assert moved == [(True,)]


def test_a_new_window_moves_the_whole_flow(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE)
    add_lead(conn, "'2999-03-04 15:00 America/New_York'")
    window = 'name = "n"\nsend_window = { start = "11:30", end = "17:00" }'
    said = synced(flowctl, file, ONE.replace('name = "n"', window), "--update-pending")
    assert said == {"flows_updated": ["n"], "unchanged": ["n/a"], "pending_updated": 1}
    moved = conn.execute(
        "select scheduled_for = '2999-03-05 11:30 America/New_York', planned_for = scheduled_for"
        " from message_logs"
    ).fetchall()
    assert moved == [(True, True)]


def test_new_words_do_not_move_a_message_that_is_late(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE)
    add_lead(conn)
    conn.execute("update message_logs set scheduled_for = now() - interval '9 days'")
    conn.execute("update leads set created_at = now() - interval '10 days'")
    late = conn.execute("select scheduled_for from message_logs").fetchall()
    synced(flowctl, file, ONE.replace("eins", "uno"), "--update-pending")
    assert messages(conn) == [("a", "text", "uno", "pending", None)]
    assert conn.execute("select scheduled_for from message_logs").fetchall() == late


def test_a_step_moved_behind_a_lead_is_cancelled_for_it(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE.replace("day = 1", "day = 30"))
    add_lead(conn, "now() - interval '10 days'")
    synced(flowctl, file, ONE, "--update-pending")
    assert messages(conn) == [
        ("a", "text", "eins", "cancelled", "its date has passed for this lead")
    ]


def test_messages_follow_though_their_lead_would_not_enter_any_more(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE)
    add_lead(conn)
    audience = ONE.replace("[[flows.steps]]", "audience = { source = 'x' }\n[[flows.steps]]")
    synced(flowctl, file, audience.replace("day = 1", "day = 3"), "--update-pending")
    assert messages(conn) == [("a", "text", "eins", "pending", None)]


def test_messages_that_are_being_sent_or_done_are_left_alone(
    flowctl: RunFlowctl, conn: Connection, file: Path
) -> None:
    synced(flowctl, file, ONE)
    for name in ("claimed", "begun", "sent", "failed", "free"):
        add_lead(conn, email=f"{name}@a.example")
    conn.execute(
        "update message_logs set claimed_by = gen_random_uuid(), lease_until = now() + '1 minute'"
        " from leads where leads.id = lead_id and email = 'claimed@a.example'"
    )
    conn.execute(
        "insert into flowctl.sends (message_id, lead_id, channel, transport, recipient, content,"
        " claimed_by, lease_until)"
        " select message.id, lead_id, 'text', 'twilio', '+12025550100', 'eins', gen_random_uuid(),"
        " now() from message_logs as message inner join leads on leads.id = lead_id"
        " where email = 'begun@a.example'"
    )
    conn.execute(
        "update message_logs set status = split_part(email, '@', 1), sent_at = now()"
        " from leads where leads.id = lead_id and email in ('sent@a.example', 'failed@a.example')"
    )
    said = synced(flowctl, file, ONE.replace("eins", "uno"), "--update-pending")
    assert said == {"updated": ["n/a"], "pending_updated": 1, "pending_kept": 2}
    changed = conn.execute(
        "select email from message_logs inner join leads on leads.id = lead_id"
        " where content = 'uno'"
    ).fetchall()
    assert changed == [("free@a.example",)]


def test_pending_messages_follow_their_steps_format(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    file = tmp_path / "flows.toml"
    step = '[[steps]]\nkey = "a"\ntype = "email"\nsubject = "Hi"\ncontent = "<p>x</p>"\nday = 1\n'
    file.write_text(step)
    assert flowctl("steps", "sync", file).exit_code == 0
    a_lead(conn)
    file.write_text(step + 'format = "text"\n')
    assert flowctl("steps", "sync", file, "--update-pending").exit_code == 0
    found = conn.execute("select format, content from message_logs").fetchall()
    assert found == [("text", "<p>x</p>")]
    assert 'format = "text"' in flowctl("steps", "export").stdout
