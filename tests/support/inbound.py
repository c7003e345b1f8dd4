"""Mails that came back, written in the tests, and the addresses that are ours."""

from typing import Any
from uuid import UUID

from flowctl.inbound.model import ReturnedMail
from flowctl.inbound.reading import Addresses, read

OURS = Addresses((("unsubscribe@example.com", "unsubscribe "),), frozenset({"hello@example.com"}))
ID = UUID("5f1c9a52-6d0e-4c1b-9b1a-2f6f2f4c7a10")


def understood(text: str, **envelope: Any) -> ReturnedMail:
    """A mail that is written here with LF; ``{id}`` in it is ours."""
    return read(text.replace("{id}", str(ID)).encode(), OURS, **envelope)
