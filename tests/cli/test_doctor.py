"""``flowctl doctor`` as people and cron run it, and what it asks the providers."""

import re
from pathlib import Path
from typing import Any

import pytest
import trustme

from flowctl.doctor.providers import returned_mail
from flowctl.settings import Settings
from flowctl.settings.variables import VARIABLES
from tests.support.cli import Ran, RunFlowctl, run_flowctl
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection
from tests.support.smtp_moves import PASSWORD, Move
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_answers import FROM_NUMBER, page, refuse
from tests.support.twilio_server import TwilioServer

SENDER = {"EMAIL_FROM": "Acme <news@acme.io>"}
UNSUBSCRIBE = {"EMAIL_UNSUBSCRIBE": "https://acme.io/unsubscribe?id={message_id}"}


def the(ran: Ran, name: str) -> dict[str, Any]:
    """The one check of that name."""
    (check,) = [check for check in ran.json()["checks"] if check["name"] == name]
    assert isinstance(check, dict)
    return check


def test_a_healthy_database_exits_0_with_one_document(flowctl: RunFlowctl) -> None:
    ran = flowctl("doctor", "--json")
    assert (ran.exit_code, ran.stderr) == (0, "")
    document = ran.json()
    assert document["ok"] is True
    assert {tuple(check) for check in document["checks"]} == {("name", "status", "detail", "hint")}
    assert {check["status"] for check in document["checks"]} <= {"ok", "note"}


def test_a_fault_exits_1_and_says_what_to_type(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("alter table leads disable trigger auto_schedule_messages")
    ran = flowctl("doctor")
    assert ran.exit_code == 1
    assert "fault  triggers" in ran.stdout
    assert ran.stderr == (
        "error: 1 fault: triggers: auto_schedule_messages on public.leads is off\n"
        "hint: alter table public.leads enable trigger auto_schedule_messages;\n"
    )
    assert flowctl("doctor", "--json").json()["ok"] is False


def test_every_note_and_fault_has_a_hint(conn: Connection, flowctl: RunFlowctl) -> None:
    conn.execute("drop trigger auto_schedule_messages on leads")
    conn.execute("grant all on all tables in schema public to public")
    ran = flowctl("doctor", "--json", env={"SMTP_URL": "nonsense", "TWILIO_ACCOUNT_SID": "AC1"})
    told = [check for check in ran.json()["checks"] if check["status"] != "ok"]
    assert len(told) > 4
    assert all(check["hint"] for check in told)


def test_the_missing_schema_is_a_fault(empty_database: str) -> None:
    ran = run_flowctl("doctor", "--json", env={"DATABASE_URL": empty_database})
    assert ran.exit_code == 1
    assert the(ran, "schema")["hint"] == "create it: flowctl apply-schema"


@pytest.mark.parametrize("url", ["postgresql://me:secret@127.0.0.1:1/crm", None])
def test_without_a_database_to_look_at_it_exits_4(url: str | None) -> None:
    ran = run_flowctl("doctor", "--json", env={"DATABASE_URL": url})
    assert ran.exit_code == 4
    assert the(ran, "connection")["status"] == "fault"
    assert the(ran, "email")["status"] == "ok"
    assert ran.stderr.startswith("error: ")
    assert "secret" not in ran.stdout + ran.stderr


def test_a_malformed_database_url_is_what_the_user_wrote() -> None:
    ran = run_flowctl("doctor", "--json", env={"DATABASE_URL": "postgresql://me:se%zz@host/crm"})
    assert (ran.exit_code, ran.stdout) == (3, "")


def test_every_malformed_setting_is_named(flowctl: RunFlowctl) -> None:
    ran = flowctl(
        "doctor", "--json", env={"SMTP_URL": "x://h", "EMAIL_FROM": "nobody", "TWILIO_API_URL": "y"}
    )
    assert ran.exit_code == 1
    settings = the(ran, "settings")
    assert settings["status"] == "fault"
    for name in ("SMTP_URL", "EMAIL_FROM", "TWILIO_API_URL"):
        assert name in settings["detail"]
    assert the(ran, "schema")["status"] == "ok"


def test_a_channel_set_up_in_part_is_a_fault(flowctl: RunFlowctl) -> None:
    ran = flowctl("doctor", "--json", env={"TWILIO_ACCOUNT_SID": "AC1", "EMAIL_FROM": "a@b.io"})
    assert the(ran, "email")["hint"] == "set SMTP_URL"
    assert the(ran, "text")["hint"].startswith("set TWILIO_AUTH_TOKEN, ")


def test_a_mail_server_is_greeted_and_nothing_sent(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    a_step(conn)
    a_lead(conn)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with SmtpServer(tls="starttls", authority=authority, password=PASSWORD) as server:
        url = server.url(f"?cafile={tmp_path / 'ca.pem'}")
        ran = flowctl("doctor", "--json", env={**SENDER, **UNSUBSCRIBE, "SMTP_URL": url})
        assert server.commands == ["EHLO", "STARTTLS", "EHLO", "AUTH", "NOOP", "QUIT"]
        assert not server.mails
    email = the(ran, "email")
    assert email["status"] == "ok"
    assert email["detail"].endswith("TLSv1.3, logged in as ada@example.com")
    assert the(ran, "email sender")["status"] == "ok"
    assert the(ran, "channels")["status"] == "ok"


def test_a_refused_login_is_a_fault_without_the_password(flowctl: RunFlowctl) -> None:
    with SmtpServer(password=PASSWORD) as server:
        server.script(Move("auth", reply=f"535 5.7.8 no {PASSWORD}"))
        ran = flowctl("doctor", "--json", env={**SENDER, "SMTP_URL": server.url()})
    email = the(ran, "email")
    assert (ran.exit_code, email["status"]) == (1, "fault")
    assert "535 5.7.8" in email["detail"]
    assert email["hint"] == "check the user and the password in SMTP_URL"
    assert PASSWORD not in ran.stdout + ran.stderr


@pytest.mark.parametrize("at", ["connect", "ehlo"])
def test_a_mail_server_that_hangs_up_is_a_fault(flowctl: RunFlowctl, at: Any) -> None:
    with SmtpServer() as server:
        server.script(Move(at, ending="drop"), Move("helo", ending="drop"))
        ran = flowctl("doctor", "--json", env={**SENDER, "SMTP_URL": server.url()})
    assert the(ran, "email")["status"] == "fault"


def test_a_certificate_that_is_not_trusted_is_a_fault(flowctl: RunFlowctl, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    with SmtpServer(tls="implicit") as server:
        url = server.url(f"?cafile={tmp_path / 'other.pem'}")
        ran = flowctl("doctor", "--json", env={**SENDER, "SMTP_URL": url})
    assert "no verified TLS" in the(ran, "email")["detail"]


def test_a_mail_server_that_is_not_there_is_a_fault(flowctl: RunFlowctl) -> None:
    ran = flowctl("doctor", "--json", env={**SENDER, "SMTP_URL": "smtp://127.0.0.1:1"})
    assert the(ran, "email")["detail"].startswith("127.0.0.1:1: the SMTP server cannot be reached")


@pytest.mark.parametrize(
    ("sender", "said"),
    [
        ("news@acme.example", "nobody can answer to acme.example"),
        ("news@localhost", "nobody can answer to localhost"),
        ("acme@gmail.com", "taken for forged (DMARC)"),
        ("news@acme.io", "no List-Unsubscribe"),
    ],
)
def test_what_emails_say_of_their_sender_is_a_note(
    flowctl: RunFlowctl, sender: str, said: str
) -> None:
    with SmtpServer() as server:
        ran = flowctl("doctor", "--json", env={"EMAIL_FROM": sender, "SMTP_URL": server.url()})
    assert ran.exit_code == 0
    email_settings = the(ran, "email sender")
    assert email_settings["status"] == "note"
    assert said in email_settings["detail"]


def test_the_twilio_account_and_its_number_are_asked_for(
    flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    ran = flowctl("doctor", "--json", env=twilio.environ)
    assert the(ran, "text")["detail"] == f"the account is active, the sender {FROM_NUMBER} known"
    assert the(ran, "text countries")["hint"] == "set FLOWCTL_TEXT_COUNTRIES, such as US,CA"
    assert not twilio.texts
    ran = flowctl("doctor", "--json", env={**twilio.environ, "FLOWCTL_TEXT_COUNTRIES": "US,CA"})
    assert the(ran, "text countries")["detail"] == "only CA, US"


def test_a_wrong_token_is_a_fault(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    ran = flowctl("doctor", "--json", env={**twilio.environ, "TWILIO_AUTH_TOKEN": "not-the-one"})
    text = the(ran, "text")
    assert (ran.exit_code, text["status"]) == (1, "fault")
    assert text["detail"] == "Twilio: 20003 Authenticate"
    assert text["hint"] == "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
    assert "not-the-one" not in ran.stdout + ran.stderr


def test_test_credentials_are_a_note(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    twilio.account_answers.append(refuse(20008, 403, "Resource not accessible with Test Account"))
    ran = flowctl("doctor", "--json", env=twilio.environ)
    assert (ran.exit_code, the(ran, "text")["status"]) == (0, "note")


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_an_account_that_is_not_active_is_a_fault(
    flowctl: RunFlowctl, twilio: TwilioServer, status: str
) -> None:
    twilio.account["status"] = status
    ran = flowctl("doctor", "--json", env=twilio.environ)
    assert the(ran, "text")["detail"] == f"the Twilio account is {status}"
    assert ran.exit_code == 1


def test_a_trial_account_is_a_note(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    twilio.account["type"] = "Trial"
    assert the(flowctl("doctor", "--json", env=twilio.environ), "text")["status"] == "note"


def test_a_number_of_somebody_elses_is_a_fault(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    ran = flowctl("doctor", "--json", env={**twilio.environ, "TWILIO_FROM_NUMBER": "+14155550199"})
    text = the(ran, "text")
    assert text["detail"] == "the account has no number +14155550199"
    assert text["hint"] == "check TWILIO_FROM_NUMBER or TWILIO_MESSAGING_SERVICE_SID"


def test_a_number_without_texts_is_a_fault(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    twilio.numbers[FROM_NUMBER] = {"sms": False, "voice": True}
    ran = flowctl("doctor", "--json", env=twilio.environ)
    assert the(ran, "text")["detail"] == f"{FROM_NUMBER} cannot send texts"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, "note", "MAILBOX_URL is not set"),
        ({"MAILBOX_URL": "imaps://u:p@imap.acme.io/INBOX"}, "ok", "read from MAILBOX_URL"),
        ({"EMAIL_RETURN_PATH": "b+{message_id}@other.io"}, "note", "SPF does not align"),
        ({"EMAIL_RETURN_PATH": "b+{message_id}@mail.acme.io"}, "note", "MAILBOX_URL is not set"),
        (
            {"EMAIL_UNSUBSCRIBE": "https://x.supabase.co/rest/v1/rpc/unsubscribe?id={message_id}"},
            "fault",
            "one click cannot call",
        ),
    ],
)
def test_whether_mail_comes_back_here_is_looked_at(
    changes: dict[str, str], status: str, words: str
) -> None:
    checks = returned_mail(Settings.from_env({**SENDER, **changes}))
    assert checks[0].status == status
    assert words in checks[0].detail


def test_a_sender_that_cannot_be_looked_up_is_a_note(
    flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    ran = flowctl("doctor", "--json", env={**twilio.environ, "TWILIO_FROM_NUMBER": "ACME"})
    assert (ran.exit_code, the(ran, "text")["status"]) == (0, "note")


def test_an_answer_that_is_not_twilios_is_a_fault(
    flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    twilio.account_answers.append(page(200))
    ran = flowctl("doctor", "--json", env=twilio.environ)
    assert "not an answer of Twilio's" in the(ran, "text")["detail"]


def test_twilio_out_of_reach_is_a_fault(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    ran = flowctl(
        "doctor", "--json", env={**twilio.environ, "TWILIO_API_URL": "http://127.0.0.1:1"}
    )
    assert the(ran, "text")["detail"].startswith("Twilio: Twilio cannot be reached")
    assert ran.exit_code == 1


def test_variables_that_nobody_reads_are_named_with_the_nearest(flowctl: RunFlowctl) -> None:
    env = {"FLOWCTL_MAX_PER_HOURS": "5", "FLOWCTL_TEXT_COUNTRY": "US", "FLOWCTL_PING_URL": ""}
    check = the(flowctl("doctor", "--json", env=env), "variables")
    assert check["status"] == "note"
    assert check["detail"] == (
        "not read: FLOWCTL_MAX_PER_HOURS (did you mean FLOWCTL_MAX_PER_HOUR?); "
        "FLOWCTL_TEXT_COUNTRY (did you mean FLOWCTL_TEXT_COUNTRIES?)"
    )


def test_an_env_file_that_others_may_read_is_a_note(flowctl: RunFlowctl, tmp_path: Path) -> None:
    file = tmp_path / "flowctl.env"
    file.write_text("FLOWCTL_MAX_PER_HOUR=5\n")
    for mode, is_told in ((0o600, False), (0o640, True), (0o604, True)):
        file.chmod(mode)
        checks = flowctl("--env-file", file, "doctor", "--json").json()["checks"]
        assert ("env file" in {check["name"] for check in checks}) is is_told


def test_the_readme_names_every_variable() -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
    table = readme.partition("| variable | meaning |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", table.replace("PGHOST", "")))
    assert named >= set(VARIABLES)
    assert named <= {*VARIABLES, "PGDATABASE"}
