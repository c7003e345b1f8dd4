"""Taking mail that came back by the command: exit status, what it prints, and how it may end."""

from pathlib import Path

import pytest

from tests.support.cli import TIME_LIMIT, Ran, RunFlowctl
from tests.support.postgres import Connection
from tests.support.reconciling import bounces, check_each_was_taken_once, kill_half_way, started
from tests.support.returned import ENVIRON, MaildirFolder, a_sent_email, sample

UNKNOWN = "unknown@example.net"


@pytest.fixture
def maildir(tmp_path: Path) -> MaildirFolder:
    return MaildirFolder(tmp_path / "Maildir")


def suppressions(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute("select address, source from suppressions order by 1").fetchall()


def reconcile(flowctl: RunFlowctl, maildir: MaildirFolder, *args: str) -> Ran:
    return flowctl("reconcile", "--maildir", maildir.folder, *args, env=ENVIRON)


def handed_over(
    flowctl: RunFlowctl, raw: bytes, *args: str, env: dict[str, str | None] | None = None
) -> Ran:
    return flowctl(
        "reconcile", "-", *args, env={**ENVIRON, **(env or {})}, input=raw.decode("ascii")
    )


def test_a_bounce_is_reported_and_told_by_the_exit_status(
    conn: Connection, flowctl: RunFlowctl, maildir: MaildirFolder
) -> None:
    maildir.deliver(sample("postfix-unknown.eml", a_sent_email(conn)))
    ran = reconcile(flowctl, maildir, "--json")
    assert (ran.exit_code, ran.stderr) == (
        1,
        "error: 1 message not delivered\nhint: flowctl messages list --undelivered\n",
    )
    counts = {name: count for name, count in ran.json().items() if count}
    assert counts == {"bounced": 1, "suppressed": [UNKNOWN]}
    assert reconcile(flowctl, maildir) == Ran(0, "", "")


def test_too_many_suppressions_say_so(
    conn: Connection, flowctl: RunFlowctl, maildir: MaildirFolder
) -> None:
    for n in range(51):
        address = f"unknown{n}@example.net"
        maildir.deliver(sample("exim-unknown.eml", a_sent_email(conn, address), address))
    ran = reconcile(flowctl, maildir)
    assert ran.exit_code == 1
    assert "error: 51 mails would suppress too many addresses" in ran.stderr
    late = a_sent_email(conn, "late@example.net")
    conn.execute(
        "insert into suppressions (channel, address, source)"
        " select 'email', n || '@example.com', 'bounce' from generate_series(1, 50) as n"
    )
    ran = handed_over(flowctl, sample("exim-unknown.eml", late, "late@example.net"))
    assert ran.exit_code == 75
    assert ran.stderr.startswith("error: too many addresses would be suppressed")
    assert len(suppressions(conn)) == 50
    conn.execute("update suppressions set created_at = now() - interval '25 hours'")
    ran = handed_over(flowctl, sample("exim-unknown.eml", late, "late@example.net"))
    assert (ran, len(suppressions(conn))) == (Ran(0, "", ""), 51)


def test_what_an_alias_hands_over_is_read_with_its_environment(
    conn: Connection, flowctl: RunFlowctl
) -> None:
    message_id = a_sent_email(conn)
    raw = b"From: MAILER-DAEMON@mx.example.org\nSubject: failure notice\n\n"
    raw += b"<unknown@example.net>:\nSorry, no mailbox here by that name. (#5.1.1)\n"
    ext = f"bounces-{message_id}"
    env: dict[str, str | None] = {
        "EXT": ext, "RECIPIENT": f"alias-{ext}@example.com", "SENDER": "",
    }  # fmt: skip
    assert handed_over(flowctl, raw) == Ran(0, "", "")
    assert suppressions(conn) == []
    assert handed_over(flowctl, raw, env=env) == Ran(0, "", "")
    assert suppressions(conn) == [(UNKNOWN, "bounce")]


@pytest.mark.parametrize(
    "env",
    [
        {"DATABASE_URL": "postgresql://localhost:1/nothing"},
        {"DATABASE_URL": "postgresql://user:pass@word@host/x"},
        {"MAILBOX_URL": "https://example.com"},
    ],
)
def test_an_alias_keeps_its_mail_where_nothing_can_be_recorded(
    flowctl: RunFlowctl, env: dict[str, str | None]
) -> None:
    assert handed_over(flowctl, b"Subject: x\n\nx\n", env=env).exit_code == 75


def test_a_mail_that_is_none_stops_nothing(conn: Connection, flowctl: RunFlowctl) -> None:
    for raw in (b"", b"\n", b"no mail at all", b"From: x" + b"x" * 2_000_000):
        assert handed_over(flowctl, raw) == Ran(0, "", "")
    assert suppressions(conn) == []


def test_what_is_no_mailbox_says_so(flowctl: RunFlowctl, tmp_path: Path) -> None:
    for args in (
        ("--maildir", tmp_path / "none"),
        ("--maildir", tmp_path),
        ("--mbox", tmp_path / "none"),
    ):
        ran = flowctl("reconcile", *args)
        assert (ran.exit_code, len(ran.stderr.splitlines())) == (3, 2), ran.stderr
    assert flowctl("reconcile", "--maildir", tmp_path, "--mbox", tmp_path).exit_code == 2
    assert flowctl("reconcile", "mbox").exit_code == 2


def stored(conn: Connection, maildir: MaildirFolder, way: str) -> list[str]:
    """Twenty bounces in a mailbox; returns the option that names it."""
    for raw in bounces(conn):
        maildir.deliver(raw)
    if way == "maildir":
        return ["--maildir", str(maildir.folder)]
    mbox = maildir.folder / "mbox"
    mails = [(maildir.folder / "new" / name).read_bytes() for name in maildir.unread]
    mbox.write_bytes(b"".join(b"From MAILER-DAEMON Fri Nov 27\n" + raw + b"\n" for raw in mails))
    return ["--mbox", str(mbox)]


@pytest.mark.parametrize("way", ["maildir", "mbox"])
def test_several_at_once_take_each_mail_once(
    conn: Connection, database: str, maildir: MaildirFolder, way: str
) -> None:
    args = stored(conn, maildir, way)
    runs = [started(database, *args) for _ in range(3)]
    outs = [run.communicate(timeout=TIME_LIMIT) for run in runs]
    assert {run.returncode for run in runs} <= {0, 1}, outs
    check_each_was_taken_once(conn)
    if way == "maildir":
        assert (maildir.unread, len(maildir.read)) == ([], 20)


@pytest.mark.parametrize("way", ["maildir", "mbox"])
def test_a_run_that_is_killed_loses_nothing(
    conn: Connection, database: str, flowctl: RunFlowctl, maildir: MaildirFolder, way: str
) -> None:
    args = stored(conn, maildir, way)
    kill_half_way(conn, lambda: started(database, *args))
    assert 0 < len(suppressions(conn)) < 20
    assert flowctl("reconcile", *args, env=ENVIRON).exit_code == 1
    check_each_was_taken_once(conn)
    if way == "maildir":
        assert (maildir.unread, len(maildir.read)) == ([], 20)
