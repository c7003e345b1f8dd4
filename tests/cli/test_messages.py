"""``flowctl messages``: list and show."""

from typing import Any
from uuid import UUID

import pytest

from tests.cli.message_rows import ids, statuses
from tests.support.cli import RunFlowctl
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.hostile import FORBIDDEN, HOSTILE
from tests.support.postgres import Connection
from tests.support.roles import reader
from tests.support.sending import begin_sends

NOWHERE = "00000000-0000-0000-0000-000000000000"

KEYS = [
    "id",
    "lead_id",
    "flow",
    "key",
    "message_type",
    "to",
    "subject",
    "content",
    "status",
    "scheduled_for",
    "sent_at",
    "attempts",
    "provider_id",
    "delivery_status",
    "error_message",
]


def test_a_list_is_all_there_is(flowctl: RunFlowctl, conn: Connection, lead: UUID) -> None:
    ran = flowctl("messages", "list", "--json")
    assert ran.exit_code == 0
    document = ran.json()
    assert [list(message) for message in document] == [KEYS] * 4
    # what is to come, then what is over, the newest first
    assert [message["key"] for message in document] == ["pending", "failed", "sent", "cancelled"]
    last = document[2]
    assert last["id"] == ids(conn)["sent"]
    assert last["lead_id"] == str(lead)
    assert (last["flow"], last["message_type"]) == ("default", "email")
    assert last["to"] == "ada@example.com"
    assert last["sent_at"].endswith("+00:00")


@pytest.mark.usefixtures("lead")
@pytest.mark.parametrize(
    ("args", "found"),
    [
        (["--status", "failed"], ["failed"]),
        (["--step", "sent"], ["sent"]),
        (["--step", "default/pending"], ["pending"]),
        (["--error", "100%_F"], ["failed"]),
        (["--error", "%"], ["pending", "failed", "cancelled"]),
        (["--status", "failed", "--status", "sent"], ["failed", "sent"]),
        (["--channel", "text"], ["failed"]),
        (["--flow", "default", "--channel", "email"], ["pending", "sent", "cancelled"]),
        (["--to", "ADA@example.com"], ["pending", "sent", "cancelled"]),
        (["--to", "+1 (415) 555-0123"], ["failed"]),
        (["--to", "bob@example.com"], []),
        (
            ["--since", "1h", "--until", "2999-01-01 00:00"],
            ["pending", "failed", "sent", "cancelled"],
        ),
        (["--since", "2999-01-01"], []),
        (["--until", "1h"], []),
        (["--due"], []),
        (["--unknown"], []),
        (["--error", "_x"], []),
        (["--status", "sent", "--step", "pending"], []),
        (["--limit", "2"], ["pending", "failed"]),
    ],
)
def test_filters_narrow_the_list(args: list[str], found: list[str], flowctl: RunFlowctl) -> None:
    document = flowctl("messages", "list", *args, "--json").json()
    assert [message["key"] for message in document] == found


def test_who_was_written_to_is_found_in_every_form(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, key="told", type="text")
    a_step(conn, key="next", type="text", day=1)
    a_step(conn, key="mail", day=1)
    a_lead(conn, phone="011 15 2345-6789", email="Ann@exámple.com")
    conn.execute(
        "update message_logs as message set status = 'sent', sent_at = now(), "
        "recipient = '+5491123456789' from flow_steps as step "
        "where step.id = message.flow_step_id and step.key = 'told'"
    )
    a_lead(conn, phone="+5491199456789", email="bob@example.com")
    env = {"FLOWCTL_DEFAULT_REGION": "AR"}
    for written, keys in {
        "+54 11 2345 6789": ["next", "told"],
        "011 15 2345-6789": ["next", "told"],
        "ann@xn--exmple-qta.com": ["mail"],
    }.items():
        found = flowctl("messages", "list", "--to", written, "--json", env=env).json()
        assert [message["key"] for message in found] == keys


def test_an_address_is_missed_only_where_one_is_needed(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn, key="sms", type="text")
    lead = a_lead(conn, phone=None)
    assert "sms no phone" in flowctl("messages", "list").stdout
    conn.execute("update leads set phone = '+14155550123' where id = %s", (lead,))
    conn.execute("update message_logs set status = 'cancelled', cause = 'by_hand'")
    assert "no phone" not in flowctl("messages", "list").stdout


def test_what_is_due_says_which_channel_is_not_configured(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    ran = flowctl("messages", "list", "--due")
    assert "warning: email is not configured: set SMTP_URL, EMAIL_FROM\n" in ran.stderr
    assert "text is not configured" not in ran.stderr


def test_what_waits_for_a_retry_has_the_time_of_that(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, key="a")
    a_lead(conn)
    conn.execute(
        "update message_logs set scheduled_for = '2026-01-01', retry_at = '2026-01-01 12:00'"
    )
    within = ("--since", "2026-01-01 11:00", "--until", "2026-01-01 13:00")
    before = ("--since", "2025-12-31 23:00", "--until", "2026-01-01 11:00")
    assert flowctl("messages", "list", *before, "--json").json() == []
    assert "2026-01-01 12:00" in flowctl("messages", "list", *within).stdout
    assert flowctl("messages", "cancel", *before, "--yes").exit_code == 3
    assert flowctl("messages", "cancel", *within, "--yes").exit_code == 0


def test_a_list_of_one_lead(flowctl: RunFlowctl, conn: Connection, lead: UUID) -> None:
    other = a_lead(conn)
    document = flowctl("messages", "list", "--lead", str(lead).upper(), "--json").json()
    assert {message["lead_id"] for message in document} == {str(lead)}
    assert len(flowctl("messages", "list", "--lead", str(other), "--json").json()) == 4


@pytest.mark.usefixtures("lead")
def test_a_table_is_short_and_on_a_named_clock(flowctl: RunFlowctl, conn: Connection) -> None:
    ran = flowctl("messages", "list", "--status", "pending", "--timezone", "asia/tokyo")
    assert ran.stderr == "times in Asia/Tokyo\n"
    head, row = ran.stdout.splitlines()
    assert head.split() == ["id", "when", "who", "details", "state"]
    at = conn.execute(
        "select to_char(scheduled_for at time zone 'Asia/Tokyo', 'YYYY-MM-DD HH24:MI')"
        " from message_logs where status = 'pending'"
    ).fetchone()
    assert at is not None
    expected = [ids(conn)["pending"][:8], at[0], "Ada", "default/pending ada@example.com"]
    assert [cell.strip() for cell in row.split("  ") if cell][:4] == expected


def test_a_message_is_named_by_its_first_characters(
    flowctl: RunFlowctl, conn: Connection, lead: UUID
) -> None:
    whole = ids(conn)["failed"]
    found = flowctl("messages", "show", whole[:8], "--json").json()
    assert found["id"] == whole
    for number in range(2):
        conn.execute(
            "insert into message_logs (id, lead_id, message_type, content, scheduled_for)"
            " values (%s, %s, 'text', 'x', now())",
            (f"aaaaaaaa-0000-4000-8000-00000000000{number}", lead),
        )
    many = flowctl("messages", "show", "aaaaaaaa")
    assert (many.exit_code, many.stdout) == (3, "")
    assert "several messages have an id that begins with aaaaaaaa" in many.stderr
    assert flowctl("messages", "show", "aaaaaaaa-0000-4000-8000-000000000001").exit_code == 0
    for wrong in ("aaaaaaa", "not-an-id", "bbbbbbbb"):
        assert flowctl("messages", "show", wrong).exit_code == 3


@pytest.mark.parametrize(
    "args",
    [["--since", "soon"], ["--until", "13"], ["--timezone", "Mars/Base"], ["--status", "lost"]],
)
def test_malformed_values_are_wrong_usage(flowctl: RunFlowctl, args: list[str]) -> None:
    assert flowctl("messages", "list", *args).exit_code == 2


def test_a_message_of_a_deleted_step_stays_listed(
    flowctl: RunFlowctl, conn: Connection, lead: UUID
) -> None:
    conn.execute("delete from flow_steps where key = 'sent'")
    (message,) = flowctl("messages", "list", "--status", "sent", "--json").json()
    assert (message["flow"], message["key"], message["lead_id"]) == (None, None, str(lead))
    assert "(deleted)" in flowctl("messages", "list", "--status", "sent").stdout


def test_people_see_the_first_hundred(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    conn.execute(
        "insert into leads (email) select n || '@example.com' from generate_series(1, 101) n"
    )
    ran = flowctl("messages", "list")
    assert len(ran.stdout.splitlines()) == 101
    assert "there are more than these 100; --limit N shows more" in ran.stderr
    assert len(flowctl("messages", "list", "--limit", "200").stdout.splitlines()) == 102
    assert len(flowctl("messages", "list", "--json").json()) == 101


def test_an_empty_list(flowctl: RunFlowctl) -> None:
    ran = flowctl("messages", "list")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "no messages\n")
    assert flowctl("messages", "list", "--json").json() == []


def test_hostile_words_stay_words(flowctl: RunFlowctl, conn: Connection, lead: UUID) -> None:
    conn.execute("update message_logs set error_message = %s where status = 'failed'", (HOSTILE,))
    conn.execute("update message_logs set content = %s where status = 'failed'", (HOSTILE,))
    table = flowctl("messages", "list", "--lead", str(lead))
    shown = flowctl("messages", "show", ids(conn)["failed"])
    for ran in (table, shown):
        assert ran.exit_code == 0
        assert "[bold]Ada[/bold] [/x]" in ran.stdout
        assert not any(character in ran.stdout for character in FORBIDDEN)
    document = flowctl("messages", "show", ids(conn)["failed"], "--json")
    assert document.json()["error_message"] == HOSTILE
    assert not any(character in document.stdout for character in FORBIDDEN)


def test_show_says_all_there_is(flowctl: RunFlowctl, conn: Connection, lead: UUID) -> None:
    begin_sends(conn)
    message = ids(conn)["pending"]
    document: dict[str, Any] = flowctl("messages", "show", message, "--json").json()
    assert list(document)[: len(KEYS)] == KEYS
    assert document["lead_id"] == str(lead)
    assert document["sending_to"] == "ada@example.com"
    assert document["sending_by"] == "smtp"
    assert document["sending_since"] is not None
    assert document["is_unknown"] is False
    text = flowctl("messages", "show", message)
    assert "sending_since" in text.stdout
    assert "  | Subject: Welcome" in text.stdout
    assert flowctl("messages", "show", ids(conn)["sent"], "--json").json()["sending_to"] is None


@pytest.mark.usefixtures("lead")
@pytest.mark.parametrize(
    ("args", "status", "error"),
    [
        (["list", "--status", "lost"], 2, "invalid value for '--status'"),
        (["list", "--limit", "0"], 2, "invalid value for '--limit'"),
        (["list", "--lead", "x"], 3, "no lead has the id 'x'"),
        (["list", "--step", "pendin"], 3, "no step is called 'pendin'"),
        (["show", "x"], 3, "'x' is not the id of a message"),
        (["show", NOWHERE], 3, f"no message has the id {NOWHERE}"),
        (["retry"], 2, "say which messages to retry: ids, or filters"),
        (["retry", NOWHERE, "--status", "failed"], 2, "ids and filters contradict each other"),
        (["retry", "--status", "sent"], 2, "retry takes no sent messages"),
        (["retry", "--status", "cancelled", "--unknown"], 2, "contradict each other"),
        (["retry", "--unknown", "--yes"], 3, "there is nothing to retry"),
        (["retry", NOWHERE, "--yes"], 3, f"no message has the id {NOWHERE}"),
        (["retry", "x", "--yes"], 3, "'x' is not the id of a message"),
        (["cancel", "--status", "failed"], 2, "cancel takes no failed messages"),
        (["cancel", "--error", "nothing like it", "--yes"], 3, "there is nothing to cancel"),
    ],
)
def test_bad_input(args: list[str], status: int, error: str, flowctl: RunFlowctl) -> None:
    ran = flowctl("messages", *args)
    assert (ran.exit_code, ran.stdout) == (status, "")
    first, hint = ran.stderr.splitlines()
    assert first.startswith("error: ")
    assert error in first
    assert hint.startswith("hint: ")


@pytest.mark.usefixtures("lead")
def test_a_reader_can_look_and_not_touch(
    flowctl: RunFlowctl, conn: Connection, database: str
) -> None:
    with reader(conn, database) as url:
        env = {"DATABASE_URL": url}
        assert len(flowctl("messages", "list", "--json", env=env).json()) == 4
        assert flowctl("messages", "show", ids(conn)["sent"], env=env).exit_code == 0
        refused = flowctl("messages", "cancel", "--status", "pending", "--yes", env=env)
    assert refused.exit_code == 4
    assert statuses(conn)["pending"] == "pending"


def test_a_flow_of_another_name_is_named(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, "nurture")
    a_step(conn, flow="nurture", key="welcome")
    a_step(conn, key="welcome")
    a_lead(conn)
    document = flowctl("messages", "list", "--step", "nurture/welcome", "--json").json()
    assert [message["flow"] for message in document] == ["nurture"]
    assert len(flowctl("messages", "list", "--step", "welcome", "--json").json()) == 2
    assert len(messages(conn, "id")) == 2
