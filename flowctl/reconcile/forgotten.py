"""Texts that went out, as the provider lists them, and that the database takes for unsent.

After a restore or a failover the last messages before it are pending again. What was handed over is
known by its number, its sender and its words, at the time that the message was scheduled for; each
of the provider's records stands for one message.
"""

from collections.abc import Sequence
from datetime import timedelta

from flowctl.database import Connection
from flowctl.dispatch.recovery import CLOCK_MARGIN, same_words
from flowctl.model import Channel, TextRecord
from flowctl.rendering import CannotSend, recipient_of, render_content, template_context
from flowctl.settings import Settings
from flowctl.store import forgotten, recovery
from flowctl.store.forgotten import RecoveredText, UnsentText

LATEST = timedelta(days=3)
"""How long after the time that it was scheduled for a text may have gone out."""


def record_forgotten(
    connection: Connection, records: Sequence[TextRecord], settings: Settings
) -> int:
    """Record as sent what the provider has of these texts; returns how many messages that were."""
    known = recovery.known_provider_ids(connection, [record.provider_id for record in records])
    unclaimed = [r for r in records if r.recipient and r.provider_id not in known]
    if not unclaimed:
        return 0
    unclaimed.sort(key=lambda record: record.created_at)
    candidates = forgotten.find_unsent(
        connection,
        numbers=[record.recipient for record in unclaimed],
        since=unclaimed[0].created_at - LATEST,
        until=unclaimed[-1].created_at + CLOCK_MARGIN,
    )
    recovered = []
    for message in candidates:
        record = _record_of(message, unclaimed, settings)
        if record is not None:
            unclaimed.remove(record)
            recovered.append(
                RecoveredText(
                    message.id,
                    record.provider_id,
                    record.recipient,
                    record.body,
                    record.created_at,
                )
            )
    return forgotten.record_sent(connection, recovered)


def _record_of(
    message: UnsentText, records: Sequence[TextRecord], settings: Settings
) -> TextRecord | None:
    """The oldest record that is this message, if there is one."""
    try:
        recipient = recipient_of(message.lead, Channel.TEXT, settings)
    except CannotSend:
        return None
    senders = {message.sender} if message.sender else _senders(settings)
    return next(
        (
            record
            for record in records
            if record.recipient == recipient
            and senders & {record.sender, record.service}
            and message.scheduled_for - CLOCK_MARGIN <= record.created_at
            and record.created_at <= message.scheduled_for + LATEST
            and _says(record, message)
        ),
        None,
    )


def _says(record: TextRecord, message: UnsentText) -> bool:
    """Whether the record's words are the message's, as it read at that moment."""
    context = template_context(message.lead, message.zone, record.created_at)
    try:
        _, text, _ = render_content(None, message.content, Channel.TEXT, context)
    except CannotSend:
        return False
    return same_words(record.body, text)


def _senders(settings: Settings) -> set[str | None]:
    twilio = settings.twilio
    if twilio is None:
        return set()
    return {twilio.messaging_service_sid or twilio.from_number}
