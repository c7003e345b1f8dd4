"""An email goes out through Postfix, comes back from it, and is recorded."""

import os

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step, messages
from tests.support.postfix import POSTFIX, postfix
from tests.support.postgres import Connection
from tests.support.smtp_server import Move, SmtpServer
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(not POSTFIX.exists(), reason="postfix is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix is started as root here"),
    pytest.mark.xdist_group("postfix"),
]


def test_an_unknown_user_comes_back_and_is_suppressed(
    conn: Connection, flowctl: RunFlowctl
) -> None:
    a_step(conn)
    a_step(conn, day=3)
    a_lead(conn, email="unknown@example.net")
    refusal = Move("rcpt", "550 5.1.1 <{recipient}>: User unknown", recipient="unknown@example.net")
    with SmtpServer() as relay, postfix(relay.port) as server:
        relay.script(refusal)
        env = {
            "SMTP_URL": f"smtp://127.0.0.1:{server.port}",
            "EMAIL_FROM": "Acme <hello@example.com>",
            "EMAIL_RETURN_PATH": "bounces+{message_id}@example.com",
        }
        assert flowctl("dispatch", "--once", "--json", env=env).json()["sent"] == 1
        until(lambda: any((server.maildir / "new").iterdir()))
        ran = flowctl("reconcile", "--maildir", server.maildir, "--json", env=env)
    assert (ran.exit_code, ran.json()["suppressed"]) == (1, ["unknown@example.net"])
    assert messages(conn, "status", "delivery_status", "delivery_code") == [
        ("sent", "bounced", "5.1.1"),
        ("cancelled", None, None),
    ]
