"""The IMAP mailbox against Dovecot: what is read, what is marked, what is refused in one line."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from flowctl.errors import InputError, ProviderStopped
from flowctl.mailboxes.imap import ImapMailbox
from flowctl.settings import Settings
from tests.support.cli import TIME_LIMIT, RunFlowctl
from tests.support.imap_server import DOVECOT, PASSWORD, ImapServer, imap_server, own_mail
from tests.support.postgres import Connection
from tests.support.reconciling import bounces, check_each_was_taken_once, kill_half_way, started
from tests.support.returned import (
    ENVIRON,
    a_sent_email,
    check_all_were_taken,
    sample,
    samples,
    send_all,
)

pytestmark = [
    pytest.mark.skipif(not DOVECOT.exists(), reason="dovecot-imapd is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Dovecot is started as root here"),
    pytest.mark.xdist_group("dovecot"),
]


@pytest.fixture(scope="module")
def server(authority: trustme.CA) -> Iterator[ImapServer]:
    with imap_server(authority) as running:
        yield running


def mailbox(server: ImapServer, **options: str) -> ImapMailbox:
    settings = Settings.from_env({"MAILBOX_URL": server.url(**options)})
    assert settings.mailbox is not None
    return ImapMailbox(settings.mailbox)


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_what_is_unread_is_read_and_what_is_marked_is_seen(server: ImapServer, scheme: str) -> None:
    bodies = {b"Subject: %d\n\nHello\n" % n for n in range(3)}
    for raw in bodies:
        server.maildir.deliver(raw)
    own_mail(server.maildir)
    inbox = mailbox(server, scheme=scheme)
    mails = list(inbox.unread())
    assert {one.raw.replace(b"\r\n", b"\n") for one in mails} == bodies
    assert len(list(inbox.unread())) == 3
    for one in mails[:2]:
        inbox.mark_read(one.key)
    inbox.close()
    again = mailbox(server)
    (left,) = again.unread()
    assert left.raw == mails[2].raw
    again.mark_read(left.key)
    again.close()


def test_a_bounce_in_the_mailbox_is_taken(
    server: ImapServer, conn: Connection, flowctl: RunFlowctl
) -> None:
    server.maildir.deliver(sample("postfix-unknown.eml", a_sent_email(conn)))
    own_mail(server.maildir)
    env = {**ENVIRON, "MAILBOX_URL": server.url()}
    ran = flowctl("reconcile", "--json", env=env)
    assert (ran.exit_code, ran.json()["bounced"]) == (1, 1)
    with closing(mailbox(server)) as inbox:
        assert list(inbox.unread()) == []


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_every_sample_in_the_mailbox_does_what_it_must(
    server: ImapServer, conn: Connection, flowctl: RunFlowctl, line_end: bytes
) -> None:
    send_all(conn)
    raws = samples(line_end)
    for raw in raws.values():
        server.maildir.deliver(raw)
    own_mail(server.maildir)
    env = {**ENVIRON, "MAILBOX_URL": server.url()}
    assert flowctl("reconcile", env=env).exit_code == 1
    check_all_were_taken(conn)
    with closing(mailbox(server)) as inbox:
        (left,) = inbox.unread()
        assert b"".join(left.raw.split()) == b"".join(raws["somebody-elses-bounce.eml"].split())
        inbox.mark_read(left.key)


def test_a_run_over_the_mailbox_may_be_killed_and_meet_others(
    server: ImapServer, conn: Connection, database: str
) -> None:
    for raw in bounces(conn):
        server.maildir.deliver(raw)
    own_mail(server.maildir)
    env = {"MAILBOX_URL": server.url()}
    kill_half_way(conn, lambda: started(database, env=env))
    runs = [started(database, env=env) for _ in range(3)]
    outs = [run.communicate(timeout=TIME_LIMIT) for run in runs]
    assert {run.returncode for run in runs} <= {0, 1}, outs
    check_each_was_taken_once(conn)
    with closing(mailbox(server)) as inbox:
        assert list(inbox.unread()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"password": "wrong"}, "the login was refused"),
        ({"folder": "Nowhere"}, "no folder 'Nowhere'"),
        ({"scheme": "imap", "password": "wrong"}, "the login was refused"),
    ],
)
def test_what_is_refused_says_what_to_check(
    server: ImapServer, options: dict[str, str], words: str
) -> None:
    with pytest.raises(ProviderStopped) as refused:
        mailbox(server, **options)
    assert words in refused.value.message
    assert "MAILBOX_URL" in refused.value.hint
    assert PASSWORD not in refused.value.message


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_a_server_that_nobody_vouches_for_gets_no_password(
    server: ImapServer, scheme: str, tmp_path: Path
) -> None:
    stranger = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    url = server.url(scheme).replace(str(server.cafile), str(stranger))
    settings = Settings.from_env({"MAILBOX_URL": url})
    assert settings.mailbox is not None
    with pytest.raises(ProviderStopped, match="no verified TLS"):
        ImapMailbox(settings.mailbox)
    settings = Settings.from_env({"MAILBOX_URL": url + "x"})
    assert settings.mailbox is not None
    with pytest.raises(InputError, match="is not a file of CA certificates"):
        ImapMailbox(settings.mailbox)
