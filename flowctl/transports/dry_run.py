"""A transport that accepts every message and sends none, for ``--dry-run``."""

from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage


class DryRunTransport:
    """Accepts what it is given, and does nothing with it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def send(self, message: OutgoingMessage) -> Outcome:
        """Report that the message was accepted."""
        return Outcome(OutcomeKind.ACCEPTED, provider_id=f"dry-run:{message.id}")

    def stop(self) -> None:
        """Nothing waits here before it is handed over."""

    def close(self) -> None:
        """Nothing is open."""
