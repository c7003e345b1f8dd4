"""A claimed message, the intent to send it once it is rendered, and what begin decides about that
(``intents.sql``)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from flowctl.model import Channel, JsonObject, OutgoingMessage
from flowctl.records import record


@record
class ClaimedMessage:
    """A due message as the claim judged it.

    ``cancelled`` (a reason) and ``deferred_to`` are decisions that are already written; a message
    with neither is claimed. ``is_unseen``: the role cannot read the lead, and nothing was done.
    ``subject`` and ``content`` are templates, which say what is right in ``zone`` at
    ``claimed_at``. ``valid_for`` is how long the send window stays open, ``is_guarded`` whether
    begin must be serialised with other dispatchers. ``has_earlier``: one of an earlier step may
    have to go first. ``is_pulled``: it was taken because of another.
    """

    id: UUID
    lead_id: str
    subject: str | None
    content: str | None
    format: str | None
    attempts: int
    due_at: datetime | None
    lead: JsonObject | None
    zone: str | None
    claimed_at: datetime | None
    flow: str | None
    key: str | None
    step_order: int | None
    is_guarded: bool | None
    has_earlier: bool
    is_pulled: bool
    cancelled: str | None
    deferred_to: datetime | None
    valid_for: timedelta | None
    late_by: timedelta | None
    is_unseen: bool


@record
class Intent:
    """A rendered message about to be begun; ``intent_of`` makes one.

    ``row`` is what begin is to write of it. ``address`` is its recipient's in the form in
    which addresses are compared, ``guards`` what no two dispatchers may decide about at once.
    ``is_plain``: it has none, and comes after no other message.
    """

    id: UUID
    address: str
    row: JsonObject
    guards: tuple[str, ...] = ()
    is_plain: bool = False


@record
class BeginResult:
    """What begin decided about one message: cancelled or deferred (written), busy or over the
    hourly limit (still claimed), or, with none of these, begun."""

    id: UUID
    cancelled: str | None
    deferred_to: datetime | None
    is_busy: bool
    is_limited: bool


def intent_of(
    claimed: ClaimedMessage,
    message: OutgoingMessage,
    *,
    transport: str,
    addresses: Sequence[str],
) -> Intent:
    """The intent to send a claimed message as it was rendered.

    ``addresses`` are the recipient in every form that suppressions may have; the first is the one
    in which addresses are compared.
    """
    is_email = message.channel is Channel.EMAIL
    row: JsonObject = {
        "id": claimed.id.hex,
        "channel": message.channel,
        "transport": transport,
        "recipient": message.recipient,
        "addresses": addresses,
        "subject": message.subject,
        "content": message.text if message.html is None else message.html,
        "format": None if not is_email else "text" if message.html is None else "html",
        "has_earlier": claimed.has_earlier,
    }
    guards = (
        (
            f"lead {claimed.lead_id}",
            f"step {claimed.flow}/{claimed.key} {addresses[0]}",
        )
        if claimed.is_guarded
        else ()
    )
    is_plain = not (guards or claimed.has_earlier)
    return Intent(claimed.id, addresses[0], row, guards, is_plain)
