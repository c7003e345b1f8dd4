"""Mail that came back, and what it does to messages and addresses (``returned_mail.sql``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row, scalar_row, tuple_row
from psycopg.types.json import Json

from flowctl.database import Connection, query
from flowctl.model import TextRecord


@dataclass(frozen=True, slots=True)
class ReturnedMessage:
    """An email of ours that a mail is about.

    ``recipient`` is the address that it went to, as stored; null where it never went out.
    """

    id: UUID
    lead_id: str
    recipient: str | None
    is_sent: bool
    is_unknown: bool

    @property
    def went_out(self) -> bool:
        """Whether it was sent, or may have been."""
        return self.is_sent or self.is_unknown


@dataclass(frozen=True, slots=True)
class RecordedMail:
    """A mail as it is remembered: its digest, what it was, what it said about which message."""

    digest: str
    kind: str
    verdict: str | None
    code: str | None
    message: ReturnedMessage | None
    address: str | None


def find_returned(connection: Connection, ids: Sequence[UUID]) -> ReturnedMessage | None:
    """The first of these ids that is an email of ours, locked until the transaction ends."""
    found = connection.execute(query("find_returned"), {"ids": list(ids)}).fetchone()
    if found is None:
        return None
    with connection.cursor(row_factory=class_row(ReturnedMessage)) as cursor:
        values = {"lead_id": found[0], "id": found[1]}
        return cursor.execute(query("lock_returned"), values).fetchone()


def add_returned_mail(connection: Connection, mail: RecordedMail) -> bool:
    """Remember a mail; returns whether it was not taken before."""
    values = {
        "digest": mail.digest,
        "kind": mail.kind,
        "verdict": mail.verdict,
        "code": mail.code,
        "address": mail.address,
    }
    if mail.message is None:
        return _changes(connection, "add_mail_of_nobody", **values)
    about = {"lead_id": mail.message.lead_id, "message_id": mail.message.id}
    return _changes(connection, "add_returned_mail", **about, **values)


def mark_returned_sent(connection: Connection, message: ReturnedMessage) -> bool:
    """Make a message of unknown outcome sent; returns whether it was none before."""
    return _changes(connection, "mark_returned_sent", lead_id=message.lead_id, id=message.id)


def update_email_delivery(
    connection: Connection, message: ReturnedMessage, status: str, code: str, reason: str
) -> bool:
    """Write what became of a sent email, unless more is known; returns whether it changed."""
    values = {"status": status, "code": code, "reason": reason}
    key = {"lead_id": message.lead_id, "id": message.id}
    return _changes(connection, "update_email_delivery", **key, **values)


def is_given_up(connection: Connection, address: str, verdict: str) -> bool:
    """Whether an address has failed in this way (``soft``, ``no host``) often enough."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        values = {"address": address, "verdict": verdict}
        return bool(cursor.execute(query("is_given_up"), values).fetchone())


def suppress_returned(
    connection: Connection, address: str, reason: str, source: str, message_id: UUID | None
) -> bool:
    """Suppress an email address; returns whether it was not suppressed before."""
    values = {"address": address, "reason": reason, "source": source, "message_id": message_id}
    with connection.cursor(row_factory=scalar_row) as cursor:
        return bool(cursor.execute(query("suppress_returned"), values).fetchone())


def cancel_emails_of_lead(connection: Connection, lead_id: str, address: str | None = None) -> None:
    """Cancel the pending emails to a lead, to this address if one is given."""
    connection.execute(query("cancel_emails_of_lead"), {"lead_id": lead_id, "address": address})


def cancel_emails_to(connection: Connection, address: str) -> None:
    """Cancel the pending emails to the leads that have an address."""
    connection.execute(query("cancel_emails_to"), {"address": address})


def is_known_email(connection: Connection, address: str) -> bool:
    """Whether a lead has an address, or it was written to."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return bool(cursor.execute(query("is_known_email"), {"address": address}).fetchone())


def stop_replied(connection: Connection, message: ReturnedMessage) -> bool:
    """End the flow of a message for its lead, who has answered, where the flow ends with an
    answer; returns whether anything was pending."""
    return _changes(connection, "stop_replied", lead_id=message.lead_id, id=message.id)


def stop_texted(connection: Connection, replies: Sequence[TextRecord]) -> None:
    """End the flows that leads have answered by text, where these end with an answer; each answer
    is taken once."""
    rows = [
        {"id": one.provider_id, "number": one.sender, "at": one.created_at.isoformat()}
        for one in replies
    ]
    if rows:
        connection.execute(query("stop_texted"), {"replies": Json(rows)})


def suppressed_lately(connection: Connection) -> tuple[int, int]:
    """Addresses suppressed for bounces in the last 24 hours, and emails sent in them."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(query("suppressed_lately")).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _changes(connection: Connection, name: str, **values: object) -> bool:
    return connection.execute(query(name), values).fetchone() is not None
