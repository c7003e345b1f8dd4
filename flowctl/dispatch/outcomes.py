"""What the outcome of one attempt means for its message."""

from random import Random

from flowctl.dispatch.events import EventKind
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.model import Outcome, OutcomeKind, Status
from flowctl.records import record
from flowctl.retry import MAX_ATTEMPTS, pause_after
from flowctl.store.outcomes import OutcomeRecord
from flowctl.text import one_line

UNKNOWN_OUTCOME = "unknown outcome"
"""How the ``error_message`` of a message begins that may have gone out."""


@record
class Decision:
    """What to record of a message, and how the run counts it.

    ``is_lookup``: the outcome is unknown and the provider can be asked later; then ``result`` only
    carries the words. ``suppression`` is the reason to suppress the recipient.
    """

    result: OutcomeRecord
    kind: EventKind
    is_lookup: bool = False
    suppression: str | None = None


def decide(
    ready: RenderedMessage, outcome: Outcome, random: Random, *, can_look_up: bool
) -> Decision:
    """What an outcome means: sent, failed, tried again, to be looked up, or nobody's fault."""
    message = ready.claimed.id
    if outcome.kind is OutcomeKind.ACCEPTED:
        return Decision(
            OutcomeRecord(message, Status.SENT, provider_id=outcome.provider_id), EventKind.SENT
        )
    answer = one_line(f"{outcome.code} {outcome.detail}")
    match outcome.kind:
        case OutcomeKind.REFUSED:
            return Decision(OutcomeRecord(message, Status.FAILED, answer), EventKind.FAILED)
        case OutcomeKind.SUPPRESSED:
            return Decision(
                OutcomeRecord(message, Status.FAILED, answer), EventKind.FAILED, suppression=answer
            )
        case OutcomeKind.DEFERRED:
            pause = pause_after(ready.claimed.attempts + 1, random, outcome.retry_after)
            if pause is None:
                error = one_line(f"gave up after {MAX_ATTEMPTS} attempts: {answer}")
                return Decision(OutcomeRecord(message, Status.FAILED, error), EventKind.FAILED)
            return Decision(
                OutcomeRecord(message, Status.PENDING, answer, pause=pause), EventKind.RETRYING
            )
        case OutcomeKind.UNKNOWN:
            error = one_line(f"{UNKNOWN_OUTCOME}: {answer or 'the answer cannot be read'}")
            if can_look_up:
                return Decision(
                    OutcomeRecord(message, Status.PENDING, error),
                    EventKind.RETRYING,
                    is_lookup=True,
                )
            return Decision(
                OutcomeRecord(message, Status.FAILED, error, is_unknown=True), EventKind.FAILED
            )
        case OutcomeKind.CHANNEL_STOPPED | OutcomeKind.NOT_TRIED:
            return Decision(
                OutcomeRecord(message, Status.PENDING, answer, attempted=False), EventKind.RELEASED
            )
