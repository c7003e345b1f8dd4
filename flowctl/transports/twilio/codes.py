"""What Twilio's error codes mean for a message, as data.

Sources: https://www.twilio.com/docs/api/errors (one page a code), the page "Error 20429" (a request
answered so was not processed), "Error 20500" (a repeated request may send twice), and the changelog
of July 2024, which split several codes: so the tables are open, and a code that is in none is
judged by the HTTP status.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType

from flowctl.model import OutcomeKind


class Meaning(StrEnum):
    """What a refused request is about."""

    ACCOUNT = "account"
    """Credentials, account, sender: no text will go out until a person acts."""
    PAUSE = "pause"
    """A limit of the account that passes with time."""
    TRANSIENT = "transient"
    """Certainly not processed; the same may succeed later."""
    AMBIGUOUS = "ambiguous"
    """It may have been processed."""
    OPT_OUT = "opt-out"
    """The recipient wants nothing from us."""
    RECIPIENT = "recipient"
    """The number exists for no text, ever."""
    MESSAGE = "message"
    """This text to this number, whether for its content or its route."""
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
    Meaning.REGION: OutcomeKind.REFUSED,
    Meaning.UNLISTED: OutcomeKind.REFUSED,
})  # fmt: skip

_SENDER = "check TWILIO_FROM_NUMBER or TWILIO_MESSAGING_SERVICE_SID"

_REQUEST: Mapping[Meaning, Mapping[int, str]] = MappingProxyType({
    Meaning.ACCOUNT: {
        20003: "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",  # authentication failed
        20005: "the account is not active: see the Twilio console",
        20008: "these are test credentials: use the live ones",
        20403: "the account may not do this: see the Twilio console",
        20404: "check TWILIO_ACCOUNT_SID and TWILIO_API_URL",  # no such account or path
        21212: _SENDER,  # invalid From
        21601: _SENDER,  # From cannot send texts
        21603: _SENDER,  # From is required
        21606: _SENDER,  # From is not ours, or cannot send texts
        21659: _SENDER,  # From is not a Twilio number
        21660: _SENDER,  # From belongs to another account
        21661: _SENDER,  # From cannot send texts
        21701: _SENDER,  # no such messaging service
        21702: _SENDER,  # the service has no such resource
        21703: _SENDER,  # the service has no number
        21704: _SENDER,  # the service gave no number
        21705: _SENDER,  # invalid service SID
        30002: "the account is suspended: see the Twilio console",
    },
    Meaning.PAUSE: {
        21611: "Twilio's queue for the sender is full: it empties by itself",
        30454: "the trial account's limit is reached: upgrade it, or wait a day",
        35125: "too many scheduled messages: wait until they are sent",
        63017: "Twilio's rate limit is reached: send more slowly, see --rate",
        63038: "the account's daily limit is reached: wait a day, or have it raised",
    },
    Meaning.TRANSIENT: {
        20429: "",  # too many requests: never processed
        20503: "",  # service unavailable
        21730: "",  # maintenance
    },
    Meaning.AMBIGUOUS: {
        20500: "",  # internal server error
    },
    Meaning.OPT_OUT: {
        21610: "",  # replied STOP to this sender, or opted out elsewhere
    },
    Meaning.RECIPIENT: {
        21211: "",  # invalid To
        21217: "",  # To is no valid number
        21614: "",  # To is no mobile number
        21635: "",  # To is a landline
    },
    Meaning.MESSAGE: {
        21214: "",  # To cannot be reached from here
        21265: "",  # To is a short code
        21266: "",  # To is From
        21268: "",  # premium number
        21602: "",  # no body
        21604: "",  # no To
        21608: "a trial account texts verified numbers only",
        21612: "",  # no route from this From to this To
        21617: "",  # body longer than 1600 characters
        21619: "",  # neither body nor media
        21620: "",  # invalid media
        572005: "a trial account texts verified numbers only",
    },
    Meaning.REGION: {
        21408: "allow the country in Twilio's Messaging Geographic Permissions",
    },
})  # fmt: skip

PAUSES: Mapping[int, timedelta] = MappingProxyType({
    21611: timedelta(minutes=10),
    35125: timedelta(hours=1),
    63017: timedelta(minutes=1),
    63038: timedelta(hours=1),  # a limit over rolling 24 hours
})  # fmt: skip
"""How long to leave the channel alone where the answer itself does not say."""

_CODES = {
    code: (meaning, hint) for meaning, codes in _REQUEST.items() for code, hint in codes.items()
}

_STATUSES: Mapping[int, Meaning] = MappingProxyType({
    401: Meaning.ACCOUNT,
    403: Meaning.ACCOUNT,
    404: Meaning.ACCOUNT,
    405: Meaning.ACCOUNT,    # a URL that is no Twilio's
    407: Meaning.ACCOUNT,    # a proxy on the way
    408: Meaning.TRANSIENT,  # the server did not get the whole request (RFC 9110 section 15.5.9)
    429: Meaning.TRANSIENT,
    503: Meaning.TRANSIENT,
})  # fmt: skip


def judge_request(code: int | None, status: HTTPStatus | int) -> tuple[Meaning, str]:
    """What a refused request is about, and a hint where a person can do something.

    ``code`` is Twilio's own, or null for an answer that is not Twilio's (a proxy's page, say), of
    which nothing but the HTTP status counts.
    """
    if code in _CODES:
        return _CODES[code]
    meaning = _STATUSES.get(status)
    if meaning is Meaning.ACCOUNT or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        # A redirect is not followed: it would take the credentials elsewhere.
        return Meaning.ACCOUNT, "check TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_API_URL"
    if meaning is None and (code is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR):
        meaning = Meaning.AMBIGUOUS
    return meaning or Meaning.UNLISTED, ""


class Delivery(StrEnum):
    """What an error that came after acceptance is about; such codes never answer a request."""

    TRY_AGAIN = "try again"
    """The handset or the network, for the moment: once or twice more, hours apart."""
    RECIPIENT = "recipient"
    """The number takes no texts: suppress it."""
    OPT_OUT = "opt-out"
    """The recipient or the carrier blocks us: suppress it."""
    ACCOUNT = "account"
    """Registration, filtering, suspension: every text of ours is concerned."""
    QUIET_HOURS = "quiet hours"
    """Sent at a time of day when it may not be: the send window is wrong."""
    OTHER = "other"
    """Only this text, for good."""


_DELIVERIES: Mapping[Delivery, frozenset[int]] = MappingProxyType({
    # queue overflow, unreachable handset, unknown error, congestion, 10DLC rate, validity expired,
    # waiting too long, internal error of the carrier
    Delivery.TRY_AGAIN: frozenset({30001, 30003, 30008, 30017, 30022, 30036, 30047, 30500}),
    # unknown number, landline, known litigator
    Delivery.RECIPIENT: frozenset({30005, 30006, 30640}),
    # blocked by the recipient or the carrier; unsubscribed
    Delivery.OPT_OUT: frozenset({21610, 30004}),
    # suspended, filtered, daily cap, toll-free unverified, unregistered 10DLC, pumping protection
    Delivery.ACCOUNT: frozenset({30002, 30007, 30023, 30032, 30034, 30450}),
    Delivery.QUIET_HOURS: frozenset({30610}),
})  # fmt: skip

_DELIVERY_CODES = {code: found for found, codes in _DELIVERIES.items() for code in codes}


def judge_delivery(code: int) -> Delivery:
    """What the error code of a text that Twilio had accepted is about."""
    return _DELIVERY_CODES.get(code, Delivery.OTHER)
