"""What Twilio's error codes mean for a message, as data.

One table for both ways in which a code comes: as the answer to a request, and later, in the list of
texts, as the reason why one was not delivered. Sources: https://www.twilio.com/docs/api/errors (one
page a code), the pages "Error 20429" (a request answered so was not processed) and "Error 20500" (a
repeated request may send twice), and the changelog of July 2024, which split several codes: so the
table is open, and a code that is not in it is judged by the HTTP status.
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from types import MappingProxyType

from flowctl.transports.twilio.addresses import is_phone_number
from flowctl.transports.twilio.meanings import Meaning

_CONSOLE = "see the Twilio console"
_LOGIN = "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
_SENDER = "check TWILIO_FROM_NUMBER or TWILIO_MESSAGING_SERVICE_SID"
_REGISTER = "register the sender, or use a registered one: see the Twilio console"
_TOMORROW = "the day's limit is reached: texts go again tomorrow"
_TRIAL = "a trial account texts verified numbers only"
_UPGRADE = "upgrade the trial account, or set TWILIO_FROM_NUMBER to its own number"

_CODES: Mapping[Meaning, Mapping[int, str]] = MappingProxyType({
    Meaning.ACCOUNT: {
        10001: f"the account is not active: {_CONSOLE}",
        10002: _UPGRADE,
        20003: _LOGIN,  # authentication failed
        20005: f"the account is not active: {_CONSOLE}",
        20006: _LOGIN,  # access denied
        20008: "these are test credentials: use the live ones",
        20010: f"the account may not do this: {_CONSOLE}",
        20151: _LOGIN,  # authentication failed
        20403: f"the account may not do this: {_CONSOLE}",
        20404: "check TWILIO_ACCOUNT_SID and TWILIO_API_URL",  # no such account or path
        21210: _SENDER,  # From is not verified
        21212: _SENDER,  # invalid From
        21213: _SENDER,  # From is required
        21264: _SENDER,  # From is not verified
        21267: _UPGRADE,  # a name as sender, on a trial account
        21470: _LOGIN,  # invalid account SID
        21471: _LOGIN,  # the account does not exist
        21472: f"the account is not active: {_CONSOLE}",
        21476: f"the account is suspended: {_CONSOLE}",
        21601: _SENDER,  # From cannot send texts
        21603: _SENDER,  # From is required
        21606: _SENDER,  # From is not ours, or cannot send texts
        21607: _UPGRADE,  # From must be the trial account's number
        21616: _SENDER,  # From matches several numbers of the account
        21659: _SENDER,  # From is not a Twilio number
        21660: _SENDER,  # From belongs to another account
        21661: _SENDER,  # From cannot send texts
        21663: _SENDER,  # From is routed wrongly
        21668: "check TWILIO_REGION: this kind of number cannot send there",
        21701: _SENDER,  # no such messaging service
        21702: _SENDER,  # the service sends nothing at present
        21703: _SENDER,  # the service has no number for this
        21704: _SENDER,  # the service contains no number
        21705: _SENDER,  # invalid service SID
        21708: _SENDER,  # the sender's name is missing
        21709: _SENDER,  # the sender's name is not allowed for this service
        21711: _SENDER,  # the sender is not in the service
        21712: _SENDER,  # the sender is in another service
        21713: _SENDER,  # the service's use case is invalid
        21715: _SENDER,  # the number lacks the service's abilities
        21717: _REGISTER,  # the brand is not registered
        21729: f"the campaign is suspended: {_CONSOLE}",
        21731: f"the brand is suspended: {_CONSOLE}",
        21733: _SENDER,  # no default service
        21900: _REGISTER,  # India: no valid entity id
        21901: _REGISTER,  # India: no valid template id
        21910: _SENDER,  # From and To are of different channels
        30002: f"the account is suspended: {_CONSOLE}",
        30018: _REGISTER,  # the carrier wants a registered sender
        30024: _REGISTER,  # the sender is not provisioned at the carrier
        30032: "have the toll-free number verified in the Twilio console",
        30033: f"the campaign is suspended: {_CONSOLE}",
        30034: _REGISTER,  # US: the number belongs to no campaign (A2P 10DLC)
        30035: "the number is still being registered (A2P 10DLC): wait, or use another",
        30037: f"outbound messaging is disabled for the account: {_CONSOLE}",
        30040: _REGISTER,  # the carrier wants a registered sender
        30041: _REGISTER,  # the country wants a registered sender
        30042: _REGISTER,  # the sender's name is generic or not ours
        30125: _REGISTER,  # the number could not be registered
        30126: _REGISTER,  # the number could not be registered
        63001: _SENDER,  # the channel refused the sender's credentials
        63002: _SENDER,  # the channel does not know From
        63007: _SENDER,  # no channel has this From
        63008: f"the sender's channel is set up wrongly: {_CONSOLE}",
        63020: f"the sender's business account is refused: {_CONSOLE}",
        63022: f"the sender's name is not certified: {_CONSOLE}",
        63051: f"the sender's business account is locked: {_CONSOLE}",
    },
    Meaning.PAUSE: {
        21611: "Twilio's queue for the sender is full: it empties by itself",
        30001: "Twilio's queue for the sender is full: it empties by itself",
        30022: "the carriers' rate limit is reached: send more slowly, see --rate",
        30023: _TOMORROW,
        30027: _TOMORROW,
        30454: "the account's limit is reached: upgrade a trial account, or wait a day",
        35125: "too many scheduled messages: wait until they are sent",
        63017: "Twilio's rate limit is reached: send more slowly, see --rate",
        63018: "the channel's rate limit is reached: send more slowly, see --rate",
        63038: "the account's daily limit is reached: wait a day, or have it raised",
    },
    Meaning.TRANSIENT: {
        20162: "",  # another request changes the same
        20409: "",  # conflict
        20429: "",  # too many requests: never processed
        20503: "",  # service unavailable
        21730: "",  # maintenance
        30003: "",  # the handset cannot be reached
        30017: "",  # the carrier's network is congested
        30036: "",  # it waited longer than its validity period
        30046: "",  # delivery was not confirmed
        30047: "",  # could not be put off to an allowed time of day
        30450: "",  # pumping protection blocks the destination for 15 to 30 minutes
        30453: "",  # could not be delivered
        30485: "",  # could not be delivered
        30610: "the send window is wrong: it was sent at an hour when it may not be",
        63036: "",  # the handset cannot be reached by RCS at this time
    },
    Meaning.AMBIGUOUS: {
        20500: "",  # internal server error
        20504: "",  # internal error
        30008: "",  # unknown error
        30020: "",  # internal failure of scheduling
        30021: "",  # internal failure of the messaging service
        30410: "",  # the carrier did not answer in time
        30500: "",  # internal error
        63009: "",  # internal error of the channel
        63010: "",  # internal error
        63012: "",  # internal error of the channel
    },
    Meaning.OPT_OUT: {
        21610: "",  # replied STOP to this sender, or opted out elsewhere
        30004: "",  # blocked by the recipient or the carrier
        30630: "",  # opted out (compliance toolkit)
        63014: "",  # blocked by an action of the recipient
        63033: "",  # the recipient has blocked the sender
    },
    Meaning.RECIPIENT: {
        21211: "",  # invalid To
        21217: "",  # To is no valid number
        21614: "",  # To is no mobile number
        21635: "",  # To is a landline
        30005: "",  # unknown handset
        30006: "",  # landline; from a short code: a carrier that it does not reach
        30640: "",  # known litigator
    },
    Meaning.MESSAGE: {
        21214: "",  # To cannot be reached from here
        21219: _TRIAL,
        21265: "",  # To is a short code
        21266: "",  # To is From
        21268: "",  # premium number
        21602: "",  # no body
        21604: "",  # no To
        21605: "",  # body too long
        21608: _TRIAL,
        21612: "",  # no route from this From to this To
        21617: "",  # body longer than 1600 characters
        21619: "",  # neither body nor media
        21620: "",  # invalid media
        21657: "",  # this destination does not take the sender's name
        21662: "",  # no route from this From to this To in Twilio's Irish region
        30019: "",  # too large for the carrier
        30039: "",  # the same text, in a loop
        30043: "",  # foreign traffic through a domestic gateway
        30044: "a trial account's texts are shorter",
        63003: "",  # the channel does not know To
        63005: "",  # the channel does not take this content
        63015: _TRIAL,
        63016: "",  # outside the channel's time for free texts
        63021: "",  # invalid content
        63024: "",  # the channel does not take this recipient
        63031: "",  # To is From
        63032: "",  # the channel does not reach this recipient at present
        63035: "",  # the handset takes no RCS
        572002: _TRIAL,
        572005: _TRIAL,
    },
    Meaning.FILTERED: {
        21618: "",  # the carriers filter this body
        30007: "",  # filtered by Twilio or a carrier
        30038: "",  # filtered: it looks like a code
        63013: "",  # against the channel's policy
        63026: "",  # flagged as spam
    },
    Meaning.REGION: {
        21408: "allow the country in Twilio's Messaging Geographic Permissions",
        30700: "",  # not available in this region
    },
})  # fmt: skip

PAUSES: Mapping[int, timedelta] = MappingProxyType({
    21611: timedelta(minutes=10),
    30001: timedelta(minutes=10),
    30022: timedelta(minutes=1),
    30023: timedelta(hours=1),  # until tomorrow: the brand's day begins elsewhere
    30027: timedelta(hours=1),
    30450: timedelta(minutes=30),
    30454: timedelta(hours=1),
    30610: timedelta(hours=1),
    35125: timedelta(hours=1),
    63017: timedelta(minutes=1),
    63018: timedelta(minutes=1),
    63038: timedelta(hours=1),  # a limit over rolling 24 hours
})  # fmt: skip
"""How long to wait where the answer itself does not say."""

_BY_SENDER = 30006
"""A code that speaks of the number only where the sender is a phone number."""

_TABLE = {
    code: (meaning, hint) for meaning, codes in _CODES.items() for code, hint in codes.items()
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


def judge_request(
    code: int | None, status: HTTPStatus | int, sender: str | None = None
) -> tuple[Meaning, str]:
    """What a refused request is about, and a hint where a person can do something.

    ``code`` is Twilio's own, or null for an answer that is not Twilio's (a proxy's page, say), of
    which nothing but the HTTP status counts. ``sender`` is the number that the text was to come
    from, null where a messaging service chooses it.
    """
    if code in _TABLE:
        return _judge(code, sender), _TABLE[code][1]
    meaning = _STATUSES.get(status)
    if meaning is Meaning.ACCOUNT or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        # A redirect is not followed: it would take the credentials elsewhere.
        return Meaning.ACCOUNT, "check TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_API_URL"
    if meaning is None and (code is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR):
        meaning = Meaning.AMBIGUOUS
    return meaning or Meaning.UNLISTED, ""


def judge_delivery(code: int, sender: str | None) -> Meaning:
    """Why a text that Twilio had accepted was not delivered; ``sender`` is what it came from."""
    return _judge(code, sender) if code in _TABLE else Meaning.UNLISTED


def delivery_hint(code: int) -> str:
    """What a person can do about a code; empty where there is nothing."""
    return _TABLE[code][1] if code in _TABLE else ""


def _judge(code: int, sender: str | None) -> Meaning:
    if code == _BY_SENDER and not is_phone_number(sender):
        return Meaning.MESSAGE
    return _TABLE[code][0]
