"""What Twilio's errors are about, and what each means for a message that was to be sent."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from flowctl.model import OutcomeKind


class Meaning(StrEnum):
    """What an error of Twilio's is about."""

    ACCOUNT = "account"
    """Credentials, account, sender: no text will go out until a person acts."""
    PAUSE = "pause"
    """A limit of the account or the sender that passes with time."""
    TRANSIENT = "transient"
    """Not delivered; the same may succeed later."""
    AMBIGUOUS = "ambiguous"
    """It may have been processed."""
    OPT_OUT = "opt-out"
    """The recipient wants nothing from us."""
    RECIPIENT = "recipient"
    """The number takes no text, ever."""
    MESSAGE = "message"
    """This text to this number, whether for its content or its route."""
    FILTERED = "filtered"
    """Taken for spam, by its content or its sender: many of them are the account's fault."""
    REGION = "region"
    """The account does not send to that country."""
    UNLISTED = "unlisted"
    """A code that is not in the table. Many alike in a row are not the messages' fault."""


OUTCOMES: Mapping[Meaning, OutcomeKind] = MappingProxyType({
    Meaning.ACCOUNT: OutcomeKind.CHANNEL_STOPPED,
    Meaning.PAUSE: OutcomeKind.CHANNEL_STOPPED,
    Meaning.TRANSIENT: OutcomeKind.DEFERRED,
    Meaning.AMBIGUOUS: OutcomeKind.UNKNOWN,
    Meaning.OPT_OUT: OutcomeKind.SUPPRESSED,
    Meaning.RECIPIENT: OutcomeKind.SUPPRESSED,
    Meaning.MESSAGE: OutcomeKind.REFUSED,
    Meaning.FILTERED: OutcomeKind.REFUSED,
    Meaning.REGION: OutcomeKind.REFUSED,
    Meaning.UNLISTED: OutcomeKind.REFUSED,
})  # fmt: skip
