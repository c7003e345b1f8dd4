"""Mail that came back finds its way into the database, each once, and nothing else does."""

from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest

from flowctl.mailboxes.handed_over import HandedOver
from flowctl.mailboxes.mbox import Mbox
from flowctl.reconcile.mail import reconcile_mail
from tests.reconcile.mails import OURS, UNKNOWN, delivery, reconcile, suppressions
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.returned import (
    MaildirFolder,
    a_sent_email,
    check_all_were_taken,
    sample,
    samples,
    send_all,
)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("way", ["maildir", "mbox", "handed over"])
def test_every_sample_does_what_it_must(
    conn: Connection, maildir: MaildirFolder, tmp_path: Path, way: str, line_end: bytes
) -> None:
    send_all(conn)
    raws = samples(line_end)
    match way:
        case "mbox":
            mbox = tmp_path / "mbox"
            mbox.write_bytes(
                b"".join(
                    b"From MAILER-DAEMON Fri Nov 27" + line_end + raw + line_end
                    for raw in raws.values()
                )
            )
            assert reconcile_mail(conn, Mbox(mbox), OURS).left == 1
            assert reconcile_mail(conn, Mbox(mbox), OURS).bounced == 0
        case "handed over":
            for raw in raws.values():
                reconcile_mail(conn, HandedOver(BytesIO(raw), {}), OURS)
        case _:
            names = {name: maildir.deliver(raw) for name, raw in raws.items()}
            assert reconcile(conn, maildir).left == 1
            assert maildir.unread == [names["somebody-elses-bounce.eml"]]
    check_all_were_taken(conn)


def test_a_bounce_says_what_it_did(conn: Connection, maildir: MaildirFolder) -> None:
    a_step(conn, day=3)
    lead = a_lead(conn, email=UNKNOWN)
    other = a_lead(conn, email="ada@example.net")
    message_id = a_sent_email(conn, lead_id=lead)
    name = maildir.deliver(sample("postfix-unknown.eml", message_id))
    done = reconcile(conn, maildir)
    assert (done.bounced, done.suppressed) == (1, [UNKNOWN])
    assert delivery(conn, message_id) == ("sent", "bounced", "5.1.1")
    assert suppressions(conn) == [(UNKNOWN, "bounce", message_id)]
    assert conn.execute(
        "select lead_id, status, cause from message_logs where status <> 'sent' order by status"
    ).fetchall() == [(lead, "cancelled", "suppressed"), (other, "pending", None)]
    assert (maildir.unread, maildir.read) == ([], [f"{name}:2,S"])


def test_a_bounce_stops_nothing_to_an_address_that_was_mended(
    conn: Connection, maildir: MaildirFolder
) -> None:
    a_step(conn, day=3)
    lead = a_lead(conn, email=UNKNOWN)
    message_id = a_sent_email(conn, lead_id=lead)
    conn.execute("update leads set email = 'known@example.net'")
    maildir.deliver(sample("postfix-unknown.eml", message_id))
    assert reconcile(conn, maildir).suppressed == [UNKNOWN]
    assert messages(conn, "status") == [("sent",), ("pending",)]


def test_a_mail_is_taken_once_however_it_is_read(conn: Connection, maildir: MaildirFolder) -> None:
    message_id = a_sent_email(conn)
    raw = sample("qmail-unknown.eml", message_id)
    maildir.deliver(raw)
    maildir.deliver(raw.replace(b"Delivered-To: hello", b"Delivered-To: other"))
    assert reconcile(conn, maildir).bounced == 1
    conn.execute("delete from suppressions")
    reconcile_mail(conn, HandedOver(BytesIO(raw + b"\n"), {}), OURS)
    maildir.deliver(raw)
    assert (reconcile(conn, maildir).bounced, maildir.unread) == (0, [])
    assert suppressions(conn) == []


def test_it_never_goes_backwards(conn: Connection, maildir: MaildirFolder) -> None:
    message_id = a_sent_email(conn)
    for name, expected in (
        ("postfix-delayed.eml", "delayed"),
        ("postfix-relayed.eml", "delivered"),
        ("postfix-unknown.eml", "bounced"),
        ("exim-gave-up-on-450.eml", "bounced"),
        ("postfix-relayed.eml", "bounced"),
        ("arf-abuse.eml", "complained"),
        ("courier-unknown.eml", "complained"),
    ):
        maildir.deliver(sample(name, message_id, UNKNOWN))
        reconcile(conn, maildir)
        assert delivery(conn, message_id)[1] == expected, name
    assert [row[1] for row in suppressions(conn)] == ["complaint"]


def test_a_bounce_without_an_id_of_ours_does_nothing(
    conn: Connection, maildir: MaildirFolder
) -> None:
    a_lead(conn, email=UNKNOWN)
    a_sent_email(conn)
    pending = conn.execute("select count(*) from message_logs").fetchone()
    forged = UUID("00000000-0000-4000-8000-000000000000")
    for name in ("postfix-unknown.eml", "arf-abuse.eml", "exim-out-of-office.eml"):
        maildir.deliver(sample(name, forged))
    ran = reconcile(conn, maildir)
    assert (ran.left, suppressions(conn)) == (3, [])
    assert conn.execute("select count(*) from message_logs").fetchone() == pending
    assert len(maildir.unread) == 3


def test_a_report_about_a_message_that_never_went_out_does_nothing(
    conn: Connection, maildir: MaildirFolder
) -> None:
    a_step(conn, day=3)
    a_lead(conn, email=UNKNOWN)
    ((message_id,),) = messages(conn, "id")
    maildir.deliver(sample("postfix-unknown.eml", message_id))
    reconcile(conn, maildir)
    assert (messages(conn, "status"), suppressions(conn)) == ([("pending",)], [])


def test_a_dry_run_changes_nothing(conn: Connection, maildir: MaildirFolder) -> None:
    message_id = a_sent_email(conn)
    maildir.deliver(sample("postfix-unknown.eml", message_id))
    ran = reconcile(conn, maildir, is_dry_run=True)
    assert (ran.bounced, ran.suppressed) == (1, [UNKNOWN])
    assert (suppressions(conn), len(maildir.unread)) == ([], 1)
    assert delivery(conn, message_id)[1] is None


def test_a_report_settles_an_unknown_outcome(conn: Connection, maildir: MaildirFolder) -> None:
    a_step(conn)
    a_lead(conn, email=UNKNOWN)
    conn.execute(
        "update message_logs set status = 'failed', is_unknown = true, recipient = %s,"
        " error_message = 'unknown outcome: no reply'",
        (UNKNOWN,),
    )
    ((message_id,),) = messages(conn, "id")
    maildir.deliver(sample("postfix-delayed.eml", message_id))
    assert reconcile(conn, maildir).found == 1
    assert messages(conn, "status", "is_unknown", "delivery_status", "error_message") == [
        ("sent", False, "delayed", None)
    ]


def test_a_report_settles_a_send_that_is_still_open(
    conn: Connection, maildir: MaildirFolder
) -> None:
    a_step(conn)
    a_lead(conn, email="lead@example.net")
    conn.execute(
        "insert into flowctl.sends (message_id, lead_id, channel, transport, recipient, subject,"
        " content, claimed_by, lease_until) select id, lead_id, 'email', 'smtp', %s, 'As sent',"
        " 'As it was sent', gen_random_uuid(), now() from message_logs",
        (UNKNOWN,),
    )
    ((message_id,),) = messages(conn, "id")
    maildir.deliver(sample("postfix-unknown.eml", message_id))
    reconcile(conn, maildir)
    assert messages(conn, "status", "recipient", "subject", "content", "delivery_status") == [
        ("sent", UNKNOWN, "As sent", "As it was sent", "bounced")
    ]
    assert [row[0] for row in suppressions(conn)] == [UNKNOWN]
    assert conn.execute("select count(*) from flowctl.sends").fetchone() == (0,)


PERSON = (
    "Return-Path: <ada@example.net>\nFrom: ada@example.net\nTo: hello@example.com\n"
    "Subject: Re: Welcome\n{headers}\n\nTell me more.\n"
)


def answer(message_id: UUID, header: str = "In-Reply-To") -> bytes:
    return PERSON.format(headers=f"{header}: <{message_id}@example.com>").encode()


@pytest.mark.parametrize(("exits", "left"), [(True, "cancelled"), (False, "pending")])
def test_an_answer_is_left_unread_and_ends_a_flow_that_says_so(
    conn: Connection, maildir: MaildirFolder, exits: bool, left: str
) -> None:
    a_flow(conn, exit_on_reply=exits)
    a_flow(conn, "other")
    step = a_step(conn)
    a_step(conn, day=3)
    a_step(conn, flow="other", day=4)
    a_lead(conn, email="ada@example.net")
    conn.execute(
        "update message_logs set status = 'sent', sent_at = now(), recipient = 'ada@example.net'"
        " where flow_step_id = %s",
        (step,),
    )
    ((message_id,), *_) = messages(conn, "id")
    name = maildir.deliver(answer(message_id, "References"))
    maildir.deliver(sample("out-of-office-auto-submitted.eml", message_id))
    ran = reconcile(conn, maildir)
    assert (ran.replied, maildir.unread) == (1, [name])
    assert messages(conn, "status") == [("sent",), (left,), ("pending",)]
    assert reconcile(conn, maildir).replied == 0


def test_an_automatic_answer_ends_no_flow(conn: Connection, maildir: MaildirFolder) -> None:
    a_flow(conn, exit_on_reply=True)
    step = a_step(conn)
    a_step(conn, day=3)
    a_lead(conn, email="away@example.org")
    conn.execute(
        "update message_logs set status = 'sent', sent_at = now(), recipient = 'away@example.org'"
        " where flow_step_id = %s",
        (step,),
    )
    ((message_id,), *_) = messages(conn, "id")
    maildir.deliver(sample("exim-out-of-office.eml", message_id))
    reconcile(conn, maildir)
    assert messages(conn, "status") == [("sent",), ("pending",)]
