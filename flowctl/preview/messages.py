"""What a preview says of each message: when, to whom, what it says, and what is in its way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from flowctl.address import spellings
from flowctl.model import Channel, JsonObject, Status
from flowctl.plaintext import html_to_text
from flowctl.preview.explanation import Zones, explain
from flowctl.rendering import CannotSend, recipient_of, render_content, template_context
from flowctl.settings import Settings
from flowctl.store.preview import ScheduleRow
from flowctl.template.markup import is_html

ADDED_LATER = "step was added or enabled after the lead came; leads enroll would schedule it"
"""Why an existing lead lacks the message of a step that is neither off nor past for it."""


@dataclass(frozen=True, slots=True)
class PreviewedMessage:
    """A message as the lead will read it, or has read it; times are on the clock of ``zone``.

    ``status`` is null for what is not scheduled; ``reason`` says why, or what ended the message, or
    what will keep a pending one from being sent. ``subject`` and ``content`` are null where the
    template fails. ``text`` is the content as plain text, ``is_html`` says that there is more.
    ``explanation`` tells how the time came about, a sentence each.
    """

    flow: str | None
    key: str | None
    step_order: int | None
    type: Channel
    scheduled_for: datetime
    status: Status | None
    sent_at: datetime | None
    to: str | None
    subject: str | None
    content: str | None
    reason: str | None
    zone: str
    is_html: bool
    text: str
    explanation: tuple[str, ...] = ()

    @property
    def step(self) -> str:
        """The step's name for people: ``nurture/welcome``."""
        if self.flow is None:
            return "(deleted step)"
        return f"{self.flow}/{self.key or self.step_order}"


@dataclass(frozen=True, slots=True)
class Preview:
    """A lead's schedule, by time, flow and order; ``lead_id`` is null for one that does not exist.

    ``name`` is the lead's, null where its row has none. ``timezone`` is the lead's own zone, else
    that of the first message.
    """

    lead_id: str | None
    name: str | None
    timezone: str
    messages: tuple[PreviewedMessage, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the messages. ``is_anybody``: no row was given, so it can lack no address."""

    row: JsonObject
    is_anybody: bool = False


@dataclass(frozen=True, slots=True)
class _RenderedContent:
    """A message's content, and what is wrong with it or its address."""

    to: str | None
    subject: str | None
    content: str | None
    problem: str | None


def previewed(
    rows: Iterable[ScheduleRow],
    reader: Reader,
    settings: Settings,
    zones: Zones,
    suppressed: Mapping[Channel, str | None],
) -> tuple[PreviewedMessage, ...]:
    """The messages of a schedule, by time, flow and order.

    ``suppressed`` has the reader's addresses that must not be written to.
    """
    return tuple(
        _message(row, _render(row, reader, settings), suppressed, explain(row, zones))
        for row in sorted(rows, key=_order)
    )


def addresses_of(reader: Reader, settings: Settings) -> set[tuple[Channel, str]]:
    """The reader's usable addresses, in every form that suppressions may have."""
    found: set[tuple[Channel, str]] = set()
    for channel in Channel:
        try:
            recipient = recipient_of(reader.row, channel, settings)
        except CannotSend:
            continue
        forms = spellings(channel, recipient, settings.default_region)
        found.update((channel, address) for address in forms)
    return found


def _order(row: ScheduleRow) -> tuple[datetime, bool, str, int]:
    goes_at = row.waits_until or row.scheduled_for
    return goes_at, row.flow is None, row.flow or "", row.step_order or 0


def _message(
    row: ScheduleRow,
    rendered: _RenderedContent,
    suppressed: Mapping[Channel, str | None],
    explanation: tuple[str, ...],
) -> PreviewedMessage:
    status = row.status
    if status is None and not row.is_lead and row.skipped is None:
        status = Status.PENDING
    content = rendered.content
    is_page = (
        content is not None
        and row.channel is Channel.EMAIL
        and is_html(row.content or "", row.format)
    )
    return PreviewedMessage(
        flow=row.flow,
        key=row.key,
        step_order=row.step_order,
        type=row.channel,
        scheduled_for=_zoned(
            row.waits_until or row.scheduled_for, row.waits_local or row.scheduled_local
        ),
        status=status,
        sent_at=row.sent_at and row.sent_local and _zoned(row.sent_at, row.sent_local),
        to=rendered.to,
        subject=rendered.subject,
        content=content,
        reason=_reason(row, rendered, status, is_suppressed=row.channel in suppressed),
        zone=row.zone,
        is_html=is_page,
        text=html_to_text(content) if content and is_page else content or "",
        explanation=explanation,
    )


def _render(row: ScheduleRow, reader: Reader, settings: Settings) -> _RenderedContent:
    if row.status is Status.SENT:
        return _RenderedContent(row.recipient, row.subject, row.content, None)
    subject = content = to = problem = None
    try:
        context = template_context(
            reader.row,
            row.zone,
            row.waits_until or row.scheduled_for,
            # a message has its id only once it is scheduled: the link shows what it will look like
            unsubscribe_url=settings.email.unsubscribe_url(
                str(UUID(int=0)), str(reader.row.get("id", "")), str(reader.row.get("email", ""))
            ),
        )
        subject, text, html = render_content(
            row.subject, row.content or "", row.channel, context, content_format=row.format
        )
        content = text if html is None else html
    except CannotSend as error:
        problem = str(error)
    try:
        to = recipient_of(reader.row, row.channel, settings)
    except CannotSend as error:
        problem = problem if reader.is_anybody else str(error)
    return _RenderedContent(row.recipient or to, subject, content, problem)


def _reason(
    row: ScheduleRow, rendered: _RenderedContent, status: Status | None, *, is_suppressed: bool
) -> str | None:
    """Why it is not scheduled, what ended it, or the first thing that will stop it, in dispatch's
    order and words."""
    match status:
        case None:
            return row.skipped or ADDED_LATER
        case Status.SENT | Status.FAILED | Status.CANCELLED:
            return row.error
        case Status.PENDING:
            if row.is_being_sent:
                return row.error
            found = row.stopped or rendered.problem
            return found or ("recipient is suppressed" if is_suppressed else row.error)


def _zoned(timestamp: datetime, local: datetime) -> datetime:
    """A timestamp with the offset of its zone, whose clock shows ``local``."""
    offset: timedelta = local - timestamp.astimezone(UTC).replace(tzinfo=None)
    return timestamp.astimezone(timezone(offset))
