"""Which mail that came back suppresses an address, and when."""

import pytest

from tests.reconcile.mails import delivery, many_bounces, reconcile, suppressions
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.returned import MaildirFolder, a_sent_email, sample


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
