"""Mail that came back, as tests need it: samples about a message of theirs, and a Maildir."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.factories import a_lead
from tests.support.postgres import Connection

SAMPLES = Path(__file__).parent.parent / "samples" / "returned"
UNSUBSCRIBE = "mailto:unsubscribe@example.com?subject=unsubscribe%20{message_id}"
ENVIRON = {"EMAIL_FROM": "Acme <hello@example.com>", "EMAIL_UNSUBSCRIBE": UNSUBSCRIBE}

EXPECTED: list[dict[str, Any]] = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
"""What each sample is, and what must come of it."""


_STATUS = {
    "hard": "bounced",
    "soft": "bounced",
    "refused": "refused",
    "delayed": "delayed",
    "delivered": "delivered",
    "complaint": "complained",
}


def stored_with_us(sample: dict[str, Any]) -> tuple[UUID | None, str]:
    """The id of the message that a sample is about, if it is one of ours, and its recipient."""
    found = re.search(r"<([0-9a-f-]{36})@", sample["message_id"] or "")
    recipients = sample["recipients"] or [{"address": "away@example.org"}]
    return (UUID(found[1]) if found else None), recipients[0]["address"]


def sample(name: str, message_id: UUID, recipient: str = "") -> bytes:
    """The sample as it would be about another message, to another recipient if one is given."""
    (expected,) = [one for one in EXPECTED if one["file"] == name]
    known, address = stored_with_us(expected)
    raw = (SAMPLES / name).read_bytes().replace(str(known).encode(), str(message_id).encode())
    return raw.replace(address.encode(), recipient.encode()) if recipient else raw


def a_sent_email(
    conn: Connection,
    to: str = "unknown@example.net",
    *,
    id: UUID | None = None,  # noqa: A002 - the column
    days_ago: float = 0,
    lead_id: UUID | None = None,
    flow_step_id: UUID | None = None,
) -> UUID:
    """A message that was sent so long ago, to a lead of its own unless one is given."""
    row = conn.execute(
        "insert into message_logs (id, lead_id, flow_step_id, message_type, subject, content,"
        " status, scheduled_for, sent_at, recipient)"
        " values (coalesce(%s, gen_random_uuid()), %s, %s, 'email', 'Welcome', 'Hello', 'sent',"
        " now() - %s, now() - %s, %s) returning id",
        (
            id,
            lead_id or a_lead(conn, email=to),
            flow_step_id,
            timedelta(days=days_ago),
            timedelta(days=days_ago),
            to,
        ),
    ).fetchone()
    assert row is not None
    assert isinstance(row[0], UUID)
    return row[0]


def send_all(conn: Connection) -> None:
    """Make the messages that the samples are about, as sent."""
    sent: set[UUID] = set()
    for one in EXPECTED:
        message_id, address = stored_with_us(one)
        if message_id and message_id not in sent:
            a_sent_email(conn, address, id=message_id)
            sent.add(message_id)


def samples(line_end: bytes) -> dict[str, bytes]:
    """All samples by name, with these line ends."""
    raws = {one["file"]: (SAMPLES / one["file"]).read_bytes() for one in EXPECTED}
    return {
        name: raw.replace(b"\r\n", b"\n").replace(b"\n", line_end) for name, raw in raws.items()
    }


def check_all_were_taken(conn: Connection) -> None:
    """That the samples did what they must, and nothing else."""
    suppressed = {row[0] for row in conn.execute("select address from suppressions").fetchall()}
    assert suppressed == {address for one in EXPECTED for address in one["suppress"]}
    rows = conn.execute("select id, delivery_status from message_logs").fetchall()
    delivery: dict[UUID, str | None] = dict(rows)
    for one in EXPECTED:
        message_id, _ = stored_with_us(one)
        # of the two about one message the later stands
        if message_id and "delayed" not in one["file"]:
            assert delivery[message_id] == _STATUS.get(one["kind"]), one["file"]


class MaildirFolder:
    """A Maildir on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("new", "cur", "tmp"):
            (folder / name).mkdir(parents=True)
        self._number = 0

    def deliver(self, raw: bytes) -> str:
        """Put a mail there as a server does; returns its unique name."""
        self._number += 1
        name = f"{1764237600 + self._number}.M{self._number}P1.mx.example.com"
        (self.folder / "new" / name).write_bytes(raw)
        return name

    @property
    def unread(self) -> list[str]:
        """The names of the mails that nobody has seen."""
        return sorted(path.name for path in (self.folder / "new").iterdir())

    @property
    def read(self) -> list[str]:
        """The names of those that somebody has."""
        return sorted(path.name for path in (self.folder / "cur").iterdir())
