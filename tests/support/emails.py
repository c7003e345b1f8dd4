"""Emails as they are composed, and read back as a server does."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from flowctl.model import OutgoingMessage
from flowctl.settings import Settings
from flowctl.transports.mime import Composer

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def composer(**environ: str) -> Composer:
    head = Settings.from_env({"EMAIL_FROM": "Acme News <news@acme.example>", **environ}).email
    return Composer(head, date=NOON)


def read_back(message: OutgoingMessage, **environ: str) -> EmailMessage:
    content = composer(**environ).compose(message)
    assert_fit_for_smtp(content)
    return message_from_bytes(content, policy=policy.default)


def assert_fit_for_smtp(content: bytes) -> None:
    lines = content.split(b"\r\n")
    assert all(b"\r" not in line and b"\n" not in line and b"\0" not in line for line in lines)
    assert max(map(len, lines)) <= 998
    assert lines[-1] == b""


def body_of(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def as_read(body: str) -> str:
    """A body as it must come back: one kind of line break, and one at its end."""
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    return body if body.endswith("\n") else body + "\n"
