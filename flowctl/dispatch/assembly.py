"""From settings to lanes: which channels a run serves, and by which transport."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flowctl.dispatch.lane import Lane
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.settings import Settings
from flowctl.transports import TextLookup, Transport, transport_for

OUTBOX_THREADS = 2
"""Writing files is not waiting: more threads only get in each other's way."""


class Rehearsal:
    """A transport that takes everything and does nothing, for ``--dry-run``."""

    send_timeout = 1.0

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def send(self, message: OutgoingMessage) -> Outcome:
        """Say that it was accepted."""
        return Outcome(OutcomeKind.ACCEPTED, provider_id=f"rehearsal:{message.id}")

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(slots=True)
class Served:
    """The lanes of a run, and the channels that are not configured and so take no messages."""

    lanes: list[Lane] = field(default_factory=list)
    unserved: list[Channel] = field(default_factory=list)

    def close(self) -> None:
        """Close the transports."""
        for lane in self.lanes:
            lane.transport.close()


def lanes_for(
    settings: Settings,
    channels: Sequence[Channel],
    *,
    concurrency: int,
    rate: float | None = None,
    outbox: Path | None = None,
    now: datetime | None = None,
    is_rehearsal: bool = False,
) -> Served:
    """A lane for each channel that is configured; all of them with an outbox.

    ``rate`` is in messages a second and holds for each channel by itself. A rehearsal serves every
    channel. Raises InputError for an outbox or a setting that cannot be used.
    """
    served = Served()
    for channel in channels:
        transport, name = (
            (Rehearsal(channel), "outbox")
            if is_rehearsal
            else _transport(settings, channel, concurrency, outbox, now)
        )
        if transport is None:
            served.unserved.append(channel)
            continue
        served.lanes.append(
            Lane(
                channel,
                transport,
                name,
                seconds_apart=1 / rate if rate else 0.0,
                lookup=transport if isinstance(transport, TextLookup) else None,
            )
        )
    return served


def _transport(
    settings: Settings,
    channel: Channel,
    concurrency: int,
    outbox: Path | None,
    now: datetime | None,
) -> tuple[Transport | None, str]:
    if outbox is not None:
        from flowctl.transports.outbox import OutboxTransport

        sender = settings.twilio.from_number if settings.twilio is not None else None
        return (
            OutboxTransport(outbox, channel, settings.letterhead, text_sender=sender, date=now),
            "outbox",
        )
    name = "smtp" if channel is Channel.EMAIL else "twilio"
    return transport_for(channel, settings, concurrency=concurrency), name
