"""An email goes out through a real mail server, comes back from it, and is recorded."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.support.alias import Alias
from tests.support.cli import RunFlowctl
from tests.support.exim import exim, is_runnable
from tests.support.factories import a_lead, a_step, messages
from tests.support.mail_servers import MailServer
from tests.support.postfix import POSTFIX, postfix
from tests.support.postgres import Connection, short_folder
from tests.support.smtp_moves import Move
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mail servers are started as root here")

Serve = Callable[..., AbstractContextManager[MailServer]]

SERVERS = [
    pytest.param(
        postfix,
        marks=[
            pytest.mark.skipif(not POSTFIX.exists(), reason="postfix is not installed"),
            pytest.mark.xdist_group("postfix"),
        ],
        id="postfix",
    ),
    pytest.param(
        exim,
        marks=[
            pytest.mark.skipif(not is_runnable(), reason="exim4 is not unpacked, see .ci/programs"),
            pytest.mark.xdist_group("exim"),
        ],
        id="exim",
    ),
]
UNKNOWN = "unknown@example.net"
EMAIL = {
    "EMAIL_FROM": "Acme <hello@example.com>",
    "EMAIL_RETURN_PATH": "bounces+{message_id}@example.com",
}


@contextmanager
def refusing(said: str, serve: Serve, command: str = "") -> Iterator[MailServer]:
    """A mail server whose next one refuses the unknown user in these words."""
    with SmtpServer() as relay, serve(relay.port, command) as server:
        relay.script(Move("rcpt", said, recipient=UNKNOWN, is_rule=True))
        yield server


def sent(flowctl: RunFlowctl, conn: Connection, server: MailServer) -> dict[str, str]:
    """Send an email to the unknown user through the server; returns the settings."""
    a_step(conn)
    a_step(conn, day=3)
    a_lead(conn, email=UNKNOWN)
    env = {**EMAIL, "SMTP_URL": f"smtp://127.0.0.1:{server.port}"}
    assert flowctl("dispatch", "--once", "--json", env=env).json()["sent"] == 1
    return env


@pytest.mark.parametrize("serve", SERVERS)
def test_an_unknown_user_comes_back_and_is_suppressed(
    conn: Connection, flowctl: RunFlowctl, serve: Serve
) -> None:
    with refusing("550 5.1.1 <{recipient}>: User unknown", serve) as server:
        env = sent(flowctl, conn, server)
        until(lambda: any((server.maildir / "new").iterdir()))
        ran = flowctl("reconcile", "--maildir", server.maildir, "--json", env=env)
    assert (ran.exit_code, ran.json()["suppressed"]) == (1, [UNKNOWN])
    assert messages(conn, "status", "delivery_status", "delivery_code") == [
        ("sent", "bounced", "5.1.1"),
        ("cancelled", None, None),
    ]


@pytest.mark.parametrize("serve", SERVERS)
def test_an_alias_keeps_a_bounce_until_the_database_is_back(
    conn: Connection, flowctl: RunFlowctl, database: str, serve: Serve
) -> None:
    nowhere = "postgresql://127.0.0.1:1/nothing"
    with (
        short_folder() as folder,
        Alias(folder / "alias", {**EMAIL, "DATABASE_URL": nowhere}) as alias,
        # what no code says, the words do
        refusing("550 No such user here", serve, alias.command) as server,
    ):
        sent(flowctl, conn, server)
        until(lambda: len(alias.runs) > 0)
        assert alias.runs[0].exit_code == 75
        alias.settings["DATABASE_URL"] = database

        def is_taken() -> bool:
            server.flush()
            return alias.runs[-1].exit_code == 0

        until(is_taken)
    assert (alias.runs[-1].stdout, alias.runs[-1].stderr) == ("", "")
    assert conn.execute("select address, source from suppressions").fetchall() == [
        (UNKNOWN, "bounce")
    ]
    assert messages(conn, "status", "delivery_status") == [("sent", "bounced"), ("cancelled", None)]


@pytest.mark.skipif(not is_runnable(), reason="exim4 is not unpacked, see .ci/programs")
@pytest.mark.xdist_group("exim")
def test_none_waits_in_exims_queue(conn: Connection, flowctl: RunFlowctl) -> None:
    """From the 11th mail of a connection on Exim only queues."""
    a_step(conn)
    for number in range(15):
        a_lead(conn, email=f"ada{number}@example.net")
    with SmtpServer() as relay, exim(relay.port) as server:
        env = {**EMAIL, "SMTP_URL": f"smtp://127.0.0.1:{server.port}"}
        ran = flowctl("dispatch", "--once", "--concurrency", "1", "--json", env=env)
        assert ran.json()["sent"] == 15
        until(lambda: len(relay.mails) == 15)
