"""Mail that came back, and what it left in the database."""

from typing import Any
from uuid import UUID

from flowctl.inbound.reading import Addresses
from flowctl.mailboxes.maildir import Maildir
from flowctl.reconcile.mail import MailResult, reconcile_mail
from tests.support.postgres import Connection
from tests.support.returned import MaildirFolder, a_sent_email, sample

UNKNOWN = "unknown@example.net"
OURS = Addresses((("unsubscribe@example.com", "unsubscribe "),), frozenset({"hello@example.com"}))


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


def many_bounces(conn: Connection, maildir: MaildirFolder, number: int) -> None:
    for n in range(number):
        address = f"unknown{n}@example.net"
        maildir.deliver(sample("exim-unknown.eml", a_sent_email(conn, address), address))
