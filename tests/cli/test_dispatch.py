"""``flowctl dispatch`` from the outside: what it sends, what it says, how it ends."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.cli import RunFlowctl, run_flowctl
from tests.support.factories import a_flow, a_lead, a_step, database_now, messages
from tests.support.postgres import Connection
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_answers import refuse
from tests.support.twilio_server import TwilioServer

NOTHING = {
    "sent": 0, "failed": 0, "retrying": 0, "cancelled": 0, "deferred": 0, "held": 0, "unknown": 0,
}  # fmt: skip


def email_environ(smtp: SmtpServer) -> dict[str, str]:
    return {"SMTP_URL": smtp.url(), "EMAIL_FROM": "Us <us@example.com>"}


def test_the_main_job_over_real_servers(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, smtp: SmtpServer
) -> None:
    a_step(conn, subject="Hi {{ first_name }}", content="<p>Hello <b>{{ first_name }}</b></p>")
    a_step(conn, type="text", content="Hi {{ first_name }}")
    for name in ("Ada", "Bob & <Eve>", "Zoë"):
        a_lead(conn, first_name=name, email=f"{name[:3].lower().strip()}@example.com")
    env = {**twilio.environ, **email_environ(smtp)}
    for sent in (6, 0):
        ran = flowctl("dispatch", "--once", "--json", env=env)
        assert (ran.exit_code, ran.json()) == (0, {**NOTHING, "sent": sent})
    assert sorted(text.body for text in twilio.accepted) == [
        "Hi Ada", "Hi Bob & <Eve>", "Hi Zoë",
    ]  # fmt: skip
    mails = [mail.parsed for mail in smtp.mails]
    assert sorted(str(mail["Subject"]) for mail in mails) == [
        "Hi Ada", "Hi Bob & <Eve>", "Hi Zoë",
    ]  # fmt: skip
    bodies = {
        str(mail["Subject"]): [part.get_content().strip() for part in mail.iter_parts()]
        for mail in mails
    }
    assert bodies["Hi Bob & <Eve>"] == [
        "Hello Bob & <Eve>",
        "<p>Hello <b>Bob &amp; &lt;Eve&gt;</b></p>",
    ]
    ids = {provider_id for (provider_id,) in messages(conn, "provider_id")}
    assert ids == {text.sid for text in twilio.accepted} | {str(m["Message-ID"]) for m in mails}


def test_an_outbox_takes_files_instead(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    a_step(conn)
    a_step(conn, type="text", content="Hi {{ first_name }}")
    a_lead(conn)
    ran = flowctl("dispatch", "--once", "--verbose", "--outbox", tmp_path / "out")
    assert (ran.exit_code, ran.stdout) == (0, "done: sent 2\n")
    assert ran.stderr.count(" for lead ") == 2
    files = {path.suffix: path.read_text("utf-8") for path in (tmp_path / "out").iterdir()}
    assert "To: ada@example.com" in files[".eml"]
    assert "Hello Ada" in files[".eml"]
    assert files[".txt"].endswith("\n\nHi Ada")


def test_an_outbox_takes_each_message_once_in_whatever_portions(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    a_step(conn)
    for _ in range(3):
        a_lead(conn)
    ran = flowctl("dispatch", "--once", "--concurrency", "1", "--outbox", tmp_path, "--verbose")
    assert (ran.stdout, ran.stderr.count(" for lead ")) == ("done: sent 3\n", 3)


def test_nothing_due_is_no_failure(flowctl: RunFlowctl) -> None:
    ran = flowctl("dispatch", "--once", "--verbose")
    assert (ran.exit_code, ran.stdout) == (0, "nothing is due\n")


def test_off_a_terminal_a_run_in_which_all_went_well_says_nothing(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    a_step(conn)
    a_lead(conn)
    for _ in range(2):
        ran = flowctl("dispatch", "--once", "--outbox", tmp_path / "out")
        assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "")
    a_lead(conn, email="nobody")
    ran = flowctl("dispatch", "--once", "--outbox", tmp_path / "out")
    assert (ran.exit_code, ran.stdout) == (0, "done: failed 1\n")
    assert "email address is not valid" in ran.stderr


def test_due_messages_of_a_channel_without_credentials_are_held(
    conn: Connection, flowctl: RunFlowctl, smtp: SmtpServer
) -> None:
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn)
    ran = flowctl("dispatch", "--once", "--json", env=email_environ(smtp))
    assert (ran.exit_code, ran.json()) == (1, {**NOTHING, "sent": 1, "held": 1})
    assert "1 due messages are held" in ran.stderr
    assert "text needs TWILIO_ACCOUNT_SID" in ran.stderr
    assert messages(conn, "message_type", "status", "attempts") == [
        ("email", "sent", 1),
        ("text", "pending", 0),
    ]
    only = flowctl("dispatch", "--once", "--channel", "email", env=email_environ(smtp))
    assert only.exit_code == 0


def test_a_refused_account_stops_its_channel_only(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, smtp: SmtpServer
) -> None:
    twilio.cycle(refuse(20003, 401, "Authenticate"))
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn)
    ran = flowctl("dispatch", "--once", "--json", env={**twilio.environ, **email_environ(smtp)})
    assert (ran.exit_code, ran.json()["sent"]) == (6, 1)
    assert "error: text: 20003 Authenticate (messages stay pending)" in ran.stderr
    assert "hint: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" in ran.stderr
    assert messages(conn, "message_type", "status", "attempts") == [
        ("email", "sent", 1),
        ("text", "pending", 0),
    ]


def test_a_stopped_channel_decides_the_exit_status_whatever_else_is_left(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    twilio.cycle(refuse(20003, 401, "Authenticate"))
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn)
    ran = flowctl("dispatch", "--once", "--json", env=twilio.environ)
    assert (ran.exit_code, ran.json()) == (6, {**NOTHING, "held": 1})
    assert "error: text: 20003" in ran.stderr


def test_a_provider_that_cannot_be_reached_fails_nothing(
    conn: Connection, flowctl: RunFlowctl
) -> None:
    a_step(conn)
    a_lead(conn)
    env = {"SMTP_URL": "smtp://127.0.0.1:1", "EMAIL_FROM": "us@example.com"}
    ran = flowctl("dispatch", "--once", env=env)
    assert ran.exit_code == 6
    assert messages(conn, "status", "attempts") == [("pending", 0)]


def test_the_hourly_limit_is_told(conn: Connection, flowctl: RunFlowctl, tmp_path: Path) -> None:
    a_step(conn)
    a_lead(conn)
    a_lead(conn)
    ran = flowctl("dispatch", "--once", "--outbox", tmp_path, env={"FLOWCTL_MAX_PER_HOUR": "1"})
    assert (ran.exit_code, ran.stdout) == (1, "done: sent 1\n")
    assert "the hourly limit is reached: FLOWCTL_MAX_PER_HOUR=1" in ran.stderr


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    conn: Connection, flowctl: RunFlowctl
) -> None:
    a_flow(conn, min_gap="1 hour")
    a_step(conn, subject="First, {{ first_name }}")
    a_step(conn, subject="Second")
    a_step(conn, type="text")
    a_lead(conn, phone=None)
    before = conn.execute("select m.* from message_logs m order by id").fetchall()
    ran = flowctl("dispatch", "--dry-run", "--json")
    assert (ran.exit_code, ran.json()) == (
        0,
        {**NOTHING, "sent": 1, "cancelled": 1, "deferred": 1, "held": 0},
    )
    assert "to ada@example.com: First, Ada" in ran.stderr
    assert conn.execute("select m.* from message_logs m order by id").fetchall() == before
    assert conn.execute("select count(*) from flowctl.sends").fetchone() == (0,)


def test_a_pretended_time_decides_what_is_due(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    a_step(conn, day=3)
    a_lead(conn)
    when = database_now(conn) + timedelta(days=3, minutes=1)
    ran = flowctl("dispatch", "--once", "--json", "--outbox", tmp_path, "--now", when.isoformat())
    assert ran.json()["sent"] == 1
    assert messages(conn, "sent_at") == [(when,)]


def test_late_messages_are_told(conn: Connection, flowctl: RunFlowctl, tmp_path: Path) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("update message_logs set scheduled_for = now() - interval '3 days'")
    ran = flowctl("dispatch", "--once", "--outbox", tmp_path)
    assert "1 were more than an hour late, the latest by 3d 0h" in ran.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ([], "needs --once or --loop"),
        (["--once", "--loop"], "contradict"),
        (["--loop", "--dry-run"], "contradict"),
        (["--once", "--now", "2026-01-01"], "--now goes only with"),
        (["--loop", "--outbox", "x", "--now", "2026-01-01"], "contradict"),
        (["--once", "--rate", "fast"], "is not a rate"),
        (["--once", "--rate", "0/s"], "is not a rate"),
        (["--once", "--slot", "0/3"], "is not a slot"),
        (["--once", "--slot", "4/3"], "is not a slot"),
        (["--once", "--slot", "1"], "is not a slot"),
        (["--once", "--lease", "soon"], "is not a duration"),
        (["--once", "--concurrency", "501"], "'501' is not a whole number from 1 to 500"),
        (["--once", "--limit", "-1"], "'-1' is not a whole number"),
        (["--once", "--limit", "x"], "'--limit': 'x' is not a whole number"),
        (["--once", "--limit", "9" * 30], "is not a whole number"),
        (["--once", "--channel", "fax"], "fax"),
        (["--once", "--nonsense"], "nonsense"),
    ],
)
def test_wrong_usage(flowctl: RunFlowctl, options: list[str], complaint: str) -> None:
    ran = flowctl("dispatch", *options)
    assert ran.exit_code == 2
    assert ran.stderr.startswith("error: ")
    assert complaint in ran.stderr.splitlines()[0]


def test_what_is_no_date_and_time_is_refused(flowctl: RunFlowctl, tmp_path: Path) -> None:
    ran = flowctl("dispatch", "--once", "--outbox", tmp_path, "--now", "tomorrow")
    assert ran.exit_code == 2
    assert "'--now': 'tomorrow' is not a date and time such as" in ran.stderr


def test_it_never_makes_a_database(data_dir: Path) -> None:
    ran = run_flowctl("dispatch", "--once")
    assert ran.exit_code == 3
    assert "DATABASE_URL" in ran.stderr
    assert not data_dir.exists()


def test_a_database_without_our_schema_is_told(flowctl: RunFlowctl, empty_database: str) -> None:
    ran = flowctl("dispatch", "--once", env={"DATABASE_URL": empty_database})
    assert ran.exit_code == 5
    assert ran.stderr == (
        "error: the database has no flowctl schema\nhint: create it: flowctl apply-schema\n"
    )


def test_a_database_that_is_not_there_is_told(flowctl: RunFlowctl) -> None:
    ran = flowctl("dispatch", "--once", env={"DATABASE_URL": "postgresql://u:s3cr3t@127.0.0.1:1/x"})
    assert ran.exit_code == 4
    assert "refused" in ran.stderr
    assert "s3cr3t" not in ran.stderr


def test_an_outbox_that_cannot_be_written_is_told(flowctl: RunFlowctl, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ran = flowctl("dispatch", "--once", "--outbox", tmp_path / "file")
    assert ran.exit_code == 3
    assert "cannot use" in ran.stderr
