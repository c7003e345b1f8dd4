"""The nouns of the product as plain data; no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from flowctl.records import record

JsonObject = Mapping[str, Any]
"""A JSON object as Python reads it: a lead's row, an audience, a send window."""

DEFAULT_FLOW = "default"
"""The flow that always exists."""


class Channel(StrEnum):
    """How a message reaches a lead. The columns keep the words ``type`` and ``message_type``."""

    EMAIL = "email"
    TEXT = "text"


class Status(StrEnum):
    """A message's state. One that is being sent or waits for a retry is pending; sent is final."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Slot:
    """A share of all leads: ``number`` (from 1) of ``count``."""

    number: int
    count: int


class TimeType(StrEnum):
    """Whether a step goes out at the lead's own moment or at a time of day."""

    IMMEDIATELY = "immediately"
    SPECIFIC = "specific"


class ContentFormat(StrEnum):
    """What an email's content is: text, or HTML that is sent with a plain-text part."""

    TEXT = "text"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Flow:
    """A row of ``flows``: the settings of an ordered list of steps."""

    name: str
    enabled: bool = True
    timezone: str = "UTC"
    audience: JsonObject | None = None
    exit_when: JsonObject | None = None
    send_window: JsonObject | None = None
    expire_after: timedelta | None = None
    min_gap: timedelta | None = None
    dedupe_address: bool = False
    exit_on_reply: bool = False
    sender: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A row of ``flow_steps``.

    ``time`` is as the database stores it, ``9:00 AM``; ``key`` is null for a step made in the
    CRM. A ``format`` of null is told from the content.
    """

    flow: str
    key: str | None
    type: Channel
    subject: str | None
    content: str | None
    day: int = 0
    time: str | None = None
    time_type: TimeType = TimeType.IMMEDIATELY
    enabled: bool = True
    format: ContentFormat | None = None


@dataclass(frozen=True, slots=True)
class FlowSteps:
    """A flow and its steps in their order: what a steps file says, and what the tables hold.

    Only a file has the rest: what the flow was named before (``was``), and the former keys of its
    steps, by the keys they have now.
    """

    flow: Flow
    steps: tuple[Step, ...]
    was: str | None = None
    old_keys: Mapping[str, str] = field(default_factory=dict)


class JsonKind(StrEnum):
    """What a column of leads is in the lead's row as JSON; a null apart."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class LeadColumn:
    """A column of ``leads``. ``labels`` are the values of an enumerated type, else empty; ``form``
    is ``integer``, ``uuid``, ``date`` or ``timestamp`` where its values are all of that form."""

    name: str
    kind: JsonKind
    is_required: bool = False
    labels: tuple[str, ...] = ()
    form: str | None = None


NO_ADDRESS = "no_address"
"""The lead has no address on the message's channel (a word of ``message_logs.cause``)."""
BAD_ADDRESS = "bad_address"
"""It has one that cannot be written to."""


@record
class OutgoingMessage:
    """A rendered message, ready for a transport.

    ``recipient`` is a checked email address or an E.164 number. ``text`` is the body of a text
    message or the plain-text part of an email; ``html`` the HTML part, where there is one.
    ``valid_for`` is how long a provider may keep the message queued (null: as long as it likes).
    ``flow`` is null for a message without a step, ``sender`` is the flow's own, where it has one.
    A sample has a ``sample_id``, other than all others and in a form that no message of ours has;
    its ``id`` is nobody's.
    """

    id: UUID
    lead_id: str
    channel: Channel
    recipient: str
    subject: str | None
    text: str
    html: str | None = None
    valid_for: timedelta | None = None
    flow: str | None = None
    sender: JsonObject | None = None
    sample_id: str | None = None


class OutcomeKind(StrEnum):
    """What became of one attempt, as far as the dispatcher must tell the cases apart."""

    ACCEPTED = "accepted"
    """The provider has it."""
    REFUSED = "refused"
    """This message is refused for good; nobody else is concerned."""
    SUPPRESSED = "suppressed"
    """The recipient opted out or does not exist: never write to this address again."""
    DEFERRED = "deferred"
    """Certainly not accepted now; another attempt may succeed."""
    UNKNOWN = "unknown"
    """It was handed over and no answer came: it may have been accepted."""
    CHANNEL_STOPPED = "channel_stopped"
    """The account is refused, or the provider cannot be reached: no message is to blame."""
    NOT_TRIED = "not_tried"
    """Nothing of it was said to the provider, and nobody is to blame: it is due as it was."""


@record
class Outcome:
    """The result of one attempt.

    ``code`` is the provider's own (``21610``, ``550 5.1.1``), ``detail`` its words, without
    control characters. ``provider_id`` is the Twilio SID or the email Message-ID of an accepted
    message. ``retry_after`` is how long the provider asked us to wait. ``hint`` tells an operator
    what to do about a stopped channel. ``blames_recipient``: a refusal that says nothing about
    the next message. ``is_suspect``: one that a server which refuses the sender may say of every
    recipient. ``is_unproven``: only words say that the recipient does not exist.
    """

    kind: OutcomeKind
    code: str = ""
    detail: str = ""
    provider_id: str | None = None
    retry_after: timedelta | None = None
    hint: str = ""
    blames_recipient: bool = False
    is_suspect: bool = False
    is_unproven: bool = False


@dataclass(frozen=True, slots=True)
class TextRecord:
    """A text message as the provider lists it.

    ``recipient`` is a number in E.164, empty where it was none; ``sender`` a number, or what else
    the text came from (a short code, a name, another channel's address). ``error_code`` is its
    delivery error, if any; ``service`` the messaging service that chose the sender.
    """

    provider_id: str
    recipient: str
    sender: str
    body: str
    status: str
    error_code: int | None
    created_at: datetime
    inbound: bool
    service: str = ""
