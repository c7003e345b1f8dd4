"""Transports that are made when they are first needed.

A provider's libraries take longer to load than all else that a run does which finds nothing due.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar

from flowctl.model import Channel, Outcome, OutgoingMessage, TextRecord
from flowctl.transports.protocols import (
    MailTransport,
    OnOutcomes,
    Prepared,
    TextTransport,
    Transport,
)

_Made = TypeVar("_Made", bound=Transport)


class OnDemand(Generic[_Made]):
    """A transport of a channel that ``make`` makes; ``make`` raises nothing."""

    def __init__(self, channel: Channel, make: Callable[[], _Made]) -> None:
        self.channel = channel
        self._make = make
        self._lock = Lock()
        self._made: _Made | None = None
        self._is_stopping = False

    def send(self, message: OutgoingMessage) -> Outcome:
        """Hand over one message."""
        return self._transport().send(message)

    def stop(self) -> None:
        """Hand over nothing that has not begun; safe in a signal handler."""
        self._is_stopping = True
        if self._made is not None:
            self._made.stop()

    def close(self) -> None:
        """Let go of what was opened."""
        if self._made is not None:
            self._made.close()

    def _transport(self) -> _Made:
        with self._lock:
            if self._made is None:
                self._made = self._make()
                if self._is_stopping:
                    self._made.stop()
            return self._made


class Emails(OnDemand[MailTransport]):
    """The transport over SMTP, which takes many messages at once."""

    def prepare(self, message: OutgoingMessage) -> Prepared:
        """Do what can be done before a message may go."""
        return self._transport().prepare(message)

    def hand_over(self, messages: Sequence[Prepared], on_outcomes: OnOutcomes) -> None:
        """Hand over messages without waiting."""
        self._transport().hand_over(messages, on_outcomes)


class Texts(OnDemand[TextTransport]):
    """Twilio's transport, which can be asked what became of texts as well."""

    def find(self, recipient: str, since: datetime) -> list[TextRecord]:
        """The texts to a number that Twilio has had since a moment. Raises ProviderStopped."""
        return self._transport().find(recipient, since)

    def recent(self, since: datetime) -> Iterator[TextRecord | None]:
        """All texts since a moment, sent and received. Raises ProviderStopped."""
        return self._transport().recent(since)
