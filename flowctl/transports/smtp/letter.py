"""An email as it is handed over: composed, with its envelope; or why it cannot be."""

import logging

from flowctl.model import Outcome, OutcomeKind, OutgoingMessage
from flowctl.records import record
from flowctl.text import one_line
from flowctl.transports.mime import Composer
from flowctl.transports.smtp.delivery import Envelope

log = logging.getLogger(__name__)


@record
class Letter:
    """A message, and what its server gets; or what became of a message that none is asked to take.

    One of ``envelope`` and ``failure`` is null.
    """

    message: OutgoingMessage
    envelope: Envelope | None
    failure: Outcome | None = None


def letter_of(message: OutgoingMessage, composer: Composer) -> Letter:
    """Compose a message. Raises nothing."""
    try:
        envelope = Envelope(
            id=str(message.id),
            sender=composer.envelope_sender(message),
            recipient=message.recipient,
            content=composer.compose(message),
            message_id=composer.message_id(message),
        )
    except ValueError as error:
        return Letter(message, None, refusal(error))
    except Exception as bug:
        # A bug of ours; no other message may suffer.
        log.exception("composing message %s", message.id)
        return Letter(message, None, internal(bug))
    return Letter(message, envelope)


def refusal(error: Exception) -> Outcome:
    """The outcome of a message that no server was asked to take."""
    return Outcome(OutcomeKind.REFUSED, detail=one_line(str(error)), blames_recipient=True)


def internal(bug: Exception) -> Outcome:
    """The outcome of a message that a bug of ours was in the way of."""
    return Outcome(OutcomeKind.UNKNOWN, detail=f"internal error: {type(bug).__name__}")
