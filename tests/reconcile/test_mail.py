"""Mail that came back finds its way into the database, each once, and nothing else does."""

from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from flowctl.inbound.reading import Addresses
from flowctl.mailboxes.handed_over import HandedOver
from flowctl.mailboxes.maildir import Maildir
from flowctl.mailboxes.mbox import Mbox
from flowctl.reconcile.mail import MailResult, reconcile_mail
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

UNKNOWN = "unknown@example.net"
OURS = Addresses((("unsubscribe@example.com", "unsubscribe "),), frozenset({"hello@example.com"}))


@pytest.fixture
def maildir(tmp_path: Path) -> MaildirFolder:
    return MaildirFolder(tmp_path / "Maildir")


def suppressions(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select address, source, message_id from suppressions order by 1"
    ).fetchall()


def delivery(conn: Connection, message_id: UUID) -> tuple[Any, ...]:
    row = conn.execute(
        "select status, delivery_status, delivery_code from message_logs where id = %s",
        (message_id,),
    ).fetchone()
    assert row is not None
    return row


def reconcile(conn: Connection, maildir: MaildirFolder, **options: bool) -> MailResult:
    return reconcile_mail(conn, Maildir(maildir.folder), OURS, **options)


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


@pytest.mark.parametrize(
    ("ages", "suppressed"),
    [
        ([8, 4, 0], True),
        ([8, 0], False),
        ([6, 3, 0], False),
        ([8, 0.01, 0], False),
        ([70, 8, 0], False),
        ([75, 67, 0], False),
        ([20, 10, 5, 0], True),
    ],
)
def test_three_messages_given_up_over_a_week_suppress(
    conn: Connection,
    maildir: MaildirFolder,
    ages: list[float],
    suppressed: bool,
) -> None:
    conn.execute("update leads set email = null")
    noon = "date_trunc('day', now()) + interval '12 hours'"
    for age in ages:
        message_id = a_sent_email(conn, "soft@example.net", days_ago=age)
        conn.execute("alter table message_logs disable trigger user")
        conn.execute(
            f"update message_logs set sent_at = {noon} - %s * interval '1 day' where id = %s",  # noqa: S608
            (age, message_id),
        )
        conn.execute("alter table message_logs enable trigger user")
        maildir.deliver(sample("postfix-gave-up-on-450.eml", message_id))
    done = reconcile(conn, maildir)
    assert done.bounced == len(ages)
    assert bool(suppressions(conn)) is suppressed


@pytest.mark.parametrize(
    "alive", ["postfix-relayed.eml", "exim-out-of-office.eml", "out-of-office-auto-submitted.eml"]
)
def test_a_sign_of_life_begins_the_count_anew(
    conn: Connection, maildir: MaildirFolder, alive: str
) -> None:
    names = ["postfix-gave-up-on-450.eml", "postfix-mailbox-full.eml", alive, "courier-unknown.eml"]
    for name, age in zip(names, (20, 12, 8, 1), strict=True):
        message_id = a_sent_email(conn, "soft@example.net", days_ago=age)
        raw = sample(name, message_id, "soft@example.net")
        maildir.deliver(raw.replace(b"550 5.1.1", b"450 4.1.1"))
    reconcile(conn, maildir)
    assert suppressions(conn) == []


def test_a_host_that_does_not_exist_suppresses_at_the_second_report(
    conn: Connection, maildir: MaildirFolder
) -> None:
    def no_host(days_ago: float) -> None:
        message_id = a_sent_email(conn, "ada@nodomain.example", days_ago=days_ago)
        raw = sample("postfix-unknown.eml", message_id, "ada@nodomain.example")
        maildir.deliver(raw.replace(b"5.1.1", b"5.1.2").replace(b"User unknown", b"Host unknown"))
        reconcile(conn, maildir)

    no_host(3)
    no_host(2.5)
    assert suppressions(conn) == []
    no_host(1)
    assert [row[:2] for row in suppressions(conn)] == [("ada@nodomain.example", "bounce")]


def many_bounces(conn: Connection, maildir: MaildirFolder, number: int) -> None:
    for n in range(number):
        address = f"unknown{n}@example.net"
        maildir.deliver(sample("exim-unknown.eml", a_sent_email(conn, address), address))


def test_too_many_suppressions_in_a_run_are_none(conn: Connection, maildir: MaildirFolder) -> None:
    many_bounces(conn, maildir, 51)
    full = a_sent_email(conn, "full@example.net")
    maildir.deliver(sample("postfix-mailbox-full.eml", full))
    asked = a_sent_email(conn, "ada@example.net")
    maildir.deliver(sample("unsubscribe-with-id.eml", asked))
    dry = reconcile(conn, maildir, is_dry_run=True)
    assert (dry.held, len(maildir.unread)) == (51, 53)
    ran = reconcile(conn, maildir)
    assert (ran.held, ran.bounced, len(maildir.unread)) == (51, 1, 51)
    # who asks for no more is heard all the same
    assert [row[:2] for row in suppressions(conn)] == [("ada@example.net", "unsubscribe")]
    assert delivery(conn, full)[1] == "bounced"
    assert reconcile(conn, maildir, may_suppress_many=True).bounced == 51
    assert (len(suppressions(conn)), maildir.unread) == (52, [])


def test_as_many_are_few_among_many_emails(conn: Connection, maildir: MaildirFolder) -> None:
    many_bounces(conn, maildir, 51)
    lead = a_lead(conn, email="ada@example.net")
    conn.execute(
        "insert into message_logs (lead_id, message_type, content, status, scheduled_for, sent_at)"
        " select %s, 'email', 'Hello', 'sent', now(), now() from generate_series(1, 1000)",
        (lead,),
    )
    assert reconcile(conn, maildir).bounced == 51


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


def test_an_unsubscribe_mail_without_an_id_goes_by_its_sender(
    conn: Connection, maildir: MaildirFolder
) -> None:
    a_step(conn, day=3)
    a_lead(conn, email="Ada@Example.net")
    for sender in ("ada@example.net", "stranger@example.net"):
        maildir.deliver(
            f"Return-Path: <{sender}>\nFrom: <{sender}>\nTo: unsubscribe@example.com\n"
            f"Subject: no more\n\nplease\n".encode()
        )
    done = reconcile(conn, maildir)
    assert (done.unsubscribed, done.left, len(maildir.unread)) == (1, 1, 1)
    assert suppressions(conn) == [("ada@example.net", "unsubscribe", None)]
    assert messages(conn, "status") == [("cancelled",)]


def test_what_a_person_wrote_down_stays_and_a_bounce_becomes_a_complaint(
    conn: Connection, maildir: MaildirFolder
) -> None:
    conn.execute(
        "insert into suppressions (channel, address, source) values"
        " ('email', 'ada@example.net', 'manual'), ('email', 'bob@example.net', 'bounce')"
    )
    for address in ("ada@example.net", "bob@example.net"):
        maildir.deliver(sample("arf-abuse.eml", a_sent_email(conn, address), address))
    reconcile(conn, maildir)
    assert [row[:2] for row in suppressions(conn)] == [
        ("ada@example.net", "manual"),
        ("bob@example.net", "complaint"),
    ]
