"""A flow with a sender of its own, from the steps file to what goes out."""

from pathlib import Path

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead
from tests.support.postgres import Connection
from tests.support.smtp_server import SmtpServer

FILE = """
[[flows]]
name = "own"
sender = { email_from = "Ana <ana@flow.example>", reply_to = "re@flow.example", \
return_path = "bounces+{message_id}@flow.example", text_from = "+12125550177" }

[[flows.steps]]
key = "hello"
type = "email"
subject = "own"
content = "Hello"

[[flows.steps]]
key = "text"
type = "text"
content = "Hello"

[[flows]]
name = "default"

[[flows.steps]]
key = "hello"
type = "email"
subject = "default"
content = "Hello"
""".replace("\\\n", "")


def test_each_flow_has_its_sender(conn: Connection, flowctl: RunFlowctl, tmp_path: Path) -> None:
    file, exported = tmp_path / "flows.toml", tmp_path / "exported.toml"
    file.write_text(FILE, "utf-8")
    assert flowctl("steps", "sync", file).exit_code == 0
    assert flowctl("steps", "export", exported).exit_code == 0
    again = flowctl("steps", "sync", exported, "--json").json()
    assert (again["created"], again["updated"]) == ([], [])
    a_lead(conn)
    with SmtpServer() as smtp:
        env = {"SMTP_URL": smtp.url(), "EMAIL_FROM": "us@acme.example"}
        assert flowctl("dispatch", "--once", "--channel=email", env=env).exit_code == 0
    mails = {str(mail.parsed["Subject"]): mail for mail in smtp.mails}
    own, default = mails["own"], mails["default"]
    assert own.parsed["From"] == "Ana <ana@flow.example>"
    assert own.parsed["Reply-To"] == "re@flow.example"
    assert own.sender == f"bounces+{own.parsed['Message-ID'][1:37]}@flow.example"
    assert (default.sender, default.parsed["From"]) == ("us@acme.example", "us@acme.example")
    assert flowctl("dispatch", "--once", f"--outbox={tmp_path}/out").exit_code == 0
    (text,) = (tmp_path / "out").iterdir()
    assert "From: +12125550177" in text.read_text("utf-8")
