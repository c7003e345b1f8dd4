"""What a dispatcher asks of a transport."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NewType, Protocol, runtime_checkable

from flowctl.model import Channel, Outcome, OutgoingMessage, TextRecord

Prepared = NewType("Prepared", object)
"""A message in the form in which its transport takes it."""

OnOutcomes = Callable[[Sequence[tuple[OutgoingMessage, Outcome]]], None]
"""Told what became of messages, of some at a time."""


class Transport(Protocol):
    """Hands messages of one channel to a provider; safe to use from many threads at once."""

    @property
    def channel(self) -> Channel:
        """The channel that it serves."""
        ...

    def send(self, message: OutgoingMessage) -> Outcome:
        """Hand over one message. Raises nothing that a provider or a network can cause."""
        ...

    def stop(self) -> None:
        """Hand over nothing that has not begun: the run ends. Safe to call in a signal handler."""
        ...

    def close(self) -> None:
        """Let go of connections; nothing may be sent afterwards."""
        ...


@runtime_checkable
class ManyAtOnce(Protocol):
    """A transport that needs no thread of its caller's for each message in flight."""

    def prepare(self, message: OutgoingMessage) -> Prepared:
        """Do what can be done before a message may go. Raises nothing."""
        ...

    def hand_over(self, messages: Sequence[Prepared], on_outcomes: OnOutcomes) -> None:
        """Hand over messages without waiting; ``on_outcomes`` is told what became of them, of some
        at a time, in a thread of the transport's."""
        ...


@runtime_checkable
class TextLookup(Protocol):
    """Asks the provider what became of texts. Raises ProviderStopped when it gives no answer."""

    def find(self, recipient: str, since: datetime) -> list[TextRecord]:
        """The texts to a number that the provider has had since a moment, newest first.

        A text accepted a few seconds ago may be missing: lists lag behind.
        """
        ...

    def recent(self, since: datetime) -> Iterator[TextRecord | None]:
        """All texts since a moment, sent and received, newest first; page by page.

        What the list holds and cannot be read is null.
        """
        ...

    def close(self) -> None:
        """Let go of connections; nothing may be asked afterwards."""
        ...


class MailTransport(Transport, ManyAtOnce, Protocol):
    """Sends emails."""


class TextTransport(Transport, TextLookup, Protocol):
    """Sends texts, and looks them up."""
