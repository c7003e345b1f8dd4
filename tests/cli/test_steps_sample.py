"""``steps test``: a sample goes through the real transport, and touches no message."""

import re

import pytest

from tests.support.cli import Environ, Ran, RunFlowctl
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.smtp_moves import Mail, Move
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_answers import refuse
from tests.support.twilio_server import TwilioServer

NOBODY = "00000000-0000-0000-0000-000000000000"
ME = "me@own.example"


def refused(ran: Ran, status: int = 3) -> str:
    assert (ran.exit_code, ran.stdout) == (status, ""), ran.stderr
    assert "Traceback" not in ran.stderr
    return "\n".join(line for line in ran.stderr.splitlines() if not line.startswith("using"))


def mail_environ(smtp: SmtpServer) -> Environ:
    return {
        "SMTP_URL": smtp.url(),
        "EMAIL_FROM": "us@acme.example",
        "EMAIL_RETURN_PATH": "bounces+{message_id}@acme.example",
        "EMAIL_UNSUBSCRIBE": "https://acme.example/u?m={message_id}&l={lead_id}",
        "EMAIL_HEADERS": "Idempotency-Key: {message_id}",
    }


def body(mail: Mail) -> str:
    return str(mail.parsed.get_content()).strip()


def test_a_sample_is_what_a_lead_would_get_and_no_message(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_flow(conn, "n", timezone="Asia/Tokyo", sender={"email_from": "Ana <ana@own.example>"})
    content = "Hi {{ first_name | default: 'you' }} {{ 'now' | date: '%z' }} {{ unsubscribe_url }}"
    a_step(conn, flow="n", key="a", subject="Dear {{ first_name | default: 'friend' }}",
           content=content)  # fmt: skip
    lead = a_lead(conn, timezone="Asia/Kathmandu")
    before = messages(conn, "id", "status", "content", "scheduled_for", "attempts")
    with SmtpServer() as smtp:
        env = mail_environ(smtp)
        first = flowctl("steps", "test", "a", "--to", ME, env=env)
        again = flowctl("steps", "test", "n/a", f"--to={ME}", f"--lead={lead}", "--json", env=env)
        assert flowctl("dispatch", "--once", env=env).exit_code == 0
    assert (first.exit_code, again.exit_code) == (0, 0), first.stderr + again.stderr
    anybody, ada, real = smtp.mails
    assert [mail.recipient for mail in smtp.mails] == [ME, ME, "ada@example.com"]
    link = f"https://acme.example/u?m={NOBODY}&l={NOBODY}"
    assert str(anybody.parsed["Subject"]) == "Dear friend"
    assert body(anybody) == f"Hi you +0900 {link}"
    assert body(ada) == f"Hi Ada +0545 {link}"
    assert body(real).startswith("Hi Ada +0545 https://acme.example/u?m=")
    assert re.fullmatch(r"<sample-[0-9a-f]{32}@own.example>", str(ada.parsed["Message-ID"]))
    assert len({str(mail.parsed["Idempotency-Key"]) for mail in smtp.mails}) == 3
    assert ada.sender == f"bounces+{NOBODY}@acme.example"
    assert f"<{link}>" in str(ada.parsed["List-Unsubscribe"])
    for header in ("From", "Subject", "List-Id", "Content-Type"):
        assert ada.parsed[header] == real.parsed[header]
    assert again.json() == {
        "flow": "n", "key": "a", "type": "email", "to": ME, "subject": "Dear Ada",
        "content": again.json()["content"], "provider_id": str(ada.parsed["Message-ID"]),
    }  # fmt: skip
    assert "sent a sample of n/a to me@own.example: <sample-" in first.stdout
    after = messages(conn, "id", "status", "content", "scheduled_for", "attempts")
    assert [row[0] for row in after] == [row[0] for row in before]
    assert conn.execute("select count(*) from flowctl.sends").fetchone() == (0,)


def test_a_text_goes_to_a_number(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, type="text", content="Hi")
    with TwilioServer() as twilio:
        twilio.script(refuse(30034, message="not registered"), refuse(21211, message="no number"))
        env = {**twilio.environ, "FLOWCTL_DEFAULT_REGION": "US"}
        to = ("--to", "(212) 555-0101")
        account = flowctl("steps", "test", "#1", *to, env=env)
        permanent = flowctl("steps", "test", "#1", *to, env=env)
        assert flowctl("steps", "test", "#1", *to, env=env).exit_code == 0
        (text,) = twilio.texts
    assert "error: the sample was not sent: 30034 not registered" in refused(account, 6)
    assert "error: the sample was refused: 21211 no number" in refused(permanent, 1)
    assert (text.to, text.body) == ("+12125550101", "Hi")
    assert conn.execute("select count(*) from suppressions").fetchone() == (0,)


def test_what_a_mail_server_refuses(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, key="a")
    with SmtpServer() as smtp:
        env = mail_environ(smtp)
        smtp.script(Move("rcpt", "550 5.1.1 no such user"))
        permanent = flowctl("steps", "test", "a", "--to", ME, env=env)
        smtp.script(Move("mail", "550 5.1.8 sender refused"))
        account = flowctl("steps", "test", "a", "--to", ME, env=env)
        smtp.script(Move("dot", ending="drop"))
        unknown = flowctl("steps", "test", "a", "--to", ME, env=env)
    assert "error: the sample was refused: 550 5.1.1 no such user" in refused(permanent, 1)
    assert "550 5.1.8 sender refused" in refused(account, 6)
    assert "the sample may have been sent or not" in refused(unknown, 1)
    closed = flowctl("steps", "test", "a", "--to", ME, env=env)
    assert "error: the sample was not sent" in refused(closed, 6)


def test_samples_count_in_the_hourly_limit(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, key="a")
    a_lead(conn)
    with SmtpServer() as smtp:
        env = {**mail_environ(smtp), "FLOWCTL_MAX_PER_HOUR": "2"}
        sample = ("steps", "test", "a", "--to", ME)
        assert [flowctl(*sample, env=env).exit_code for _ in range(2)] == [0, 0]
        said = refused(flowctl(*sample, env=env), 1)
        assert "the hourly limit is reached: FLOWCTL_MAX_PER_HOUR=2" in said
        assert flowctl("dispatch", "--once", env=env).exit_code == 1
        conn.execute("update flowctl.samples set sent_at = now() - interval '61 minutes'")
        assert flowctl("dispatch", "--once", env=env).exit_code == 0
        assert flowctl(*sample, env=env).exit_code == 0
        conn.execute("update flowctl.samples set sent_at = now() - interval '31 days'")
        refused(flowctl(*sample, env={**env, "FLOWCTL_MAX_PER_HOUR": "1"}), 1)
        assert flowctl(*sample, env=env).exit_code == 0
        assert conn.execute("select count(*) from flowctl.samples").fetchone() == (1,)


def test_who_may_not_be_written_to(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn, key="a")
    a_step(conn, key="t", type="text")
    conn.execute(
        "insert into suppressions (channel, address, source) values ('email', %s, 'manual')", (ME,)
    )
    with SmtpServer() as smtp, TwilioServer() as twilio:
        env = {**mail_environ(smtp), **twilio.environ, "FLOWCTL_TEXT_COUNTRIES": "DE"}
        said = refused(flowctl("steps", "test", "a", "--to", "Me@OWN.example", env=env))
        assert "is suppressed" in said
        assert "flowctl suppressions remove" in said
        only = {**env, "FLOWCTL_ONLY_TO": "*@acme.example"}
        said = refused(flowctl("steps", "test", "a", "--to", "x@own.example", env=only))
        assert said.startswith("error: x@own.example is none of the addresses of FLOWCTL_ONLY_TO")
        said = refused(flowctl("steps", "test", "a", "--to", "+12125550101", env=env))
        assert "default/a is of the type email\nhint: give an email address" in said
        refused(flowctl("steps", "test", "t", "--to", "+12125550101", env=env))
    assert (smtp.mails, twilio.texts) == ([], [])


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["a", "--to", "me@own"], 2, "error: --to: "),
        (["a", "--to", "me"], 2, "error: --to: neither an email address nor a phone number"),
        (["a", "--to", f"{ME}\nBcc: x@y.example"], 2, "error: --to: "),
        (["a"], 2, "--to"),
        (["a", "--to", ME], 3, "error: email is not configured\nhint: set SMTP_URL, EMAIL_FROM"),
        (["alpha", "--to", ME], 3, "there is no step 'alpha'\nhint: did you mean 'alphb'?"),
        (["both", "--to", ME], 3, "2 flows have a step 'both'\n  default\n  m\nhint: name one"),
        (["both", "--to", ME, "--flow", "nn"], 3, "there is no flow 'nn'"),
        (["alphb", "--to", ME, "--flow", "m"], 3, "there is no step 'alphb' in the flow 'm'"),
        (["draft", "--to", ME], 3, "default/draft: template: the content is empty"),
        (["a", "--to", ME, "--lead", "no@body.example"], 3, "no lead has the email"),
    ],
)
def test_what_cannot_be_sent(
    flowctl: RunFlowctl, conn: Connection, args: list[str], status: int, words: str
) -> None:
    a_flow(conn, "m")
    for key in ("a", "alphb", "both"):
        a_step(conn, key=key)
    a_step(conn, key="both", flow="m")
    a_step(conn, key="draft", enabled=False, content=None)
    env = {"SMTP_URL": "smtp://127.0.0.1:9", "EMAIL_FROM": "us@acme.example"}
    is_configured = "not configured" not in words
    assert words in refused(
        flowctl("steps", "test", *args, env=env if is_configured else {}), status
    )
