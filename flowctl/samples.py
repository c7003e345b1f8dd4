"""A sample of a step, sent to an address of one's own: what a lead would get, and no message of it.

No message is touched, and nothing that comes back of it can be taken for one: its id is zero in all
that is answered to, its Message-ID is of a form of its own, and what the provider calls it is
written down, so that reconcile does not take it for a due text with the same words.
"""

from dataclasses import dataclass
from secrets import token_hex
from uuid import UUID

from flowctl.address import AddressError, channel_of, spellings, to_e164, to_email
from flowctl.database import Connection
from flowctl.errors import InputError, NeedsAttention, ProviderStopped
from flowctl.leadlookup import find_lead
from flowctl.model import Channel, Flow, JsonObject, Outcome, OutcomeKind, OutgoingMessage
from flowctl.rendering import CannotSend, render_content, template_context
from flowctl.selection import check_flow
from flowctl.settings import Settings
from flowctl.store import identity, selection
from flowctl.store import preview as preview_store
from flowctl.store import samples as sample_store
from flowctl.store import steps as store
from flowctl.store.steps import StoredStep
from flowctl.text import nearest, one_line
from flowctl.transports import Transport, transport_for

_NOBODY = UUID(int=0)
_ADDRESS = {Channel.EMAIL: "an email address", Channel.TEXT: "a phone number"}


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address of one's own that was typed, fit to be written to."""

    channel: Channel
    address: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample that was sent; ``provider_id`` is what the provider or its Message-ID names it."""

    flow: str
    key: str | None
    type: Channel
    to: str
    subject: str | None
    content: str
    provider_id: str | None


def recipient(settings: Settings, written: str) -> Recipient:
    """The address that is meant. Raises AddressError for a malformed one."""
    channel = channel_of(written)
    if channel is Channel.EMAIL:
        return Recipient(channel, to_email(written))
    return Recipient(channel, to_e164(written, settings.default_region, None))


def send_sample(
    connection: Connection,
    settings: Settings,
    to: Recipient,
    step: str,
    *,
    flow: str | None = None,
    lead: str | None = None,
) -> Sample:
    """Send the step (its key, ``flow/key``, or ``#`` and its order) as the lead would get it, else
    as one of whom nothing is known.

    Raises InputError for a copy of the database, for what does not exist, cannot be rendered or may
    not be sent there, NeedsAttention where the hourly limit is reached, else ProviderStopped and
    NeedsAttention for what the provider answers.
    """
    identity.require_original(connection)
    stored = _step(connection, step, flow)
    _check_recipient(connection, settings, to, stored)
    transport = transport_for(to.channel, settings, concurrency=1)
    if transport is None:
        missing = ", ".join(settings.missing[to.channel])
        raise InputError(f"{to.channel} is not configured", hint=f"set {missing}")
    row: JsonObject = {"email" if to.channel is Channel.EMAIL else "phone": to.address}
    if lead is not None:
        row = find_lead(connection, settings, lead).row
    message = _message(connection, settings, to, stored, row)
    _check_limit(connection, settings.max_per_hour)
    outcome = _send(transport, message)
    _check_outcome(outcome)
    if outcome.provider_id is not None:
        sample_store.add_sample(connection, to.channel, outcome.provider_id)
    content = message.html or message.text
    return Sample(
        stored.step.flow, stored.step.key, to.channel, to.address, message.subject, content,
        outcome.provider_id,
    )  # fmt: skip


def _step(connection: Connection, written: str, flow: str | None) -> StoredStep:
    if flow is not None:
        check_flow(connection, flow)
    steps = [row for row in store.select_steps(connection) if flow in {None, row.step.flow}]
    names = {_key(row): row for row in steps}
    found = [row for row in steps if written in {_key(row), f"{row.step.flow}/{_key(row)}"}]
    if not found:
        close = nearest(written, names)
        hint = f"did you mean '{close}'?" if close else "flowctl steps list shows all"
        where = "" if flow is None else f" in the flow '{flow}'"
        raise InputError(f"there is no step '{written}'{where}", hint=hint)
    if len(found) > 1:
        flows = tuple(row.step.flow for row in found)
        raise InputError(
            f"{len(found)} flows have a step '{written}'", hint="name one by --flow", details=flows
        )
    return found[0]


def _key(row: StoredStep) -> str:
    return row.step.key or f"#{row.step_order}"


def _check_recipient(
    connection: Connection, settings: Settings, to: Recipient, stored: StoredStep
) -> None:
    """Raise InputError for an address of the other channel, or one that may not be written to."""
    if to.channel is not stored.step.type:
        raise InputError(
            f"--to: {stored.step.flow}/{_key(stored)} is of the type {stored.step.type}",
            hint=f"give {_ADDRESS[stored.step.type]}",
        )
    forms = spellings(to.channel, to.address, settings.default_region)
    if settings.only_to is not None and not settings.only_to.allows(forms[0]):
        raise InputError(
            f"{to.address} is none of the addresses of FLOWCTL_ONLY_TO",
            hint="give one that is, or add it there",
        )
    if to.channel is Channel.TEXT and settings.text_countries is not None:
        try:
            to_e164(to.address, settings.default_region, settings.text_countries)
        except AddressError as error:
            raise InputError(f"--to: {error}", hint="see FLOWCTL_TEXT_COUNTRIES") from error
    if preview_store.suppressed(connection, [(to.channel, form) for form in forms]):
        raise InputError(
            f"{to.address} is suppressed",
            hint=f"if it is yours: flowctl suppressions remove '{to.address}'",
        )


def _message(
    connection: Connection, settings: Settings, to: Recipient, stored: StoredStep, row: JsonObject
) -> OutgoingMessage:
    """The step rendered as it would be now. Raises InputError where that fails."""
    step = stored.step
    nobody = str(_NOBODY)
    flow = next(one for one in store.select_flows(connection) if one.name == step.flow)
    now = selection.database_now(connection)
    context = template_context(
        {"created_at": now.isoformat(), **row},
        _zone(connection, flow, row),
        now,
        unsubscribe_url=settings.email.unsubscribe_url(nobody, nobody, to.address),
    )
    try:
        subject, text, html = render_content(
            step.subject, step.content or "", step.type, context, content_format=step.format
        )
    except CannotSend as error:
        raise InputError(f"{step.flow}/{_key(stored)}: {error}", hint="correct the step") from error
    return OutgoingMessage(
        id=_NOBODY, lead_id=nobody, channel=to.channel, recipient=to.address, subject=subject,
        text=text, html=html, flow=flow.name, sender=flow.sender,
        sample_id=f"sample-{token_hex(16)}",
    )  # fmt: skip


def _check_limit(connection: Connection, most: int | None) -> None:
    """Raise NeedsAttention where so many were sent in the last hour."""
    if most is not None and sample_store.sent_in_an_hour(connection) >= most:
        raise NeedsAttention(
            f"the hourly limit is reached: FLOWCTL_MAX_PER_HOUR={most}", hint="try again later"
        )


def _zone(connection: Connection, flow: Flow, row: JsonObject) -> str:
    """The lead's own zone, else the flow's."""
    written = row.get("timezone")
    if written is None:
        return flow.timezone
    own, _ = preview_store.known_zone(connection, str(written))
    return own or flow.timezone


def _send(transport: Transport, message: OutgoingMessage) -> Outcome:
    try:
        return transport.send(message)
    finally:
        transport.close()


def _check_outcome(outcome: Outcome) -> None:
    """Raise what the outcome means where the provider has not taken it."""
    if outcome.kind is OutcomeKind.ACCEPTED:
        return
    answer = one_line(f"{outcome.code} {outcome.detail}")
    match outcome.kind:
        case OutcomeKind.CHANNEL_STOPPED:
            raise ProviderStopped(f"the sample was not sent: {answer}", hint=outcome.hint)
        case OutcomeKind.UNKNOWN:
            raise NeedsAttention(
                f"the sample may have been sent or not, nobody knows: {answer}",
                hint="see whether it arrives before you send another",
            )
        case OutcomeKind.DEFERRED | OutcomeKind.NOT_TRIED:
            raise NeedsAttention(f"the sample was not sent: {answer}", hint="try again later")
        case _:
            raise NeedsAttention(f"the sample was refused: {answer}", hint=outcome.hint)
