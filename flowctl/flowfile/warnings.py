"""What a steps file says that can hardly be meant, and is done all the same."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from flowctl.flowfile.conditions import condition_problems
from flowctl.model import Channel, Flow, FlowSteps, JsonKind, LeadColumn, Step, TimeType
from flowctl.segments import segments
from flowctl.template import TemplateError, parse
from flowctl.template.context import UNSUBSCRIBE_URL, TemplateContext
from flowctl.template.markup import is_html
from flowctl.template.mergefields import foreign_fields, nearest_column, unknown_fields
from flowctl.times import parse_time_of_day

_SAMPLES: Mapping[JsonKind, object] = {
    JsonKind.TEXT: "x" * 8,
    JsonKind.NUMBER: 10,
    JsonKind.BOOLEAN: True,
}
"""What a column is taken to hold where the length of a text is estimated."""
_NO_WAY_OUT = "no way to unsubscribe: set EMAIL_UNSUBSCRIBE"
_EMPTY_LINK = "{{ unsubscribe_url }} is empty: set EMAIL_UNSUBSCRIBE with an https: address"
_EVERYBODY_LEAVES = "every lead matches, so nobody gets anything"
_SAMPLE_TIME = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FileWarning:
    """What is odd about a field of a step (or with a null ``key`` of a flow)."""

    flow: str
    key: str | None
    field: str
    text: str


def file_warnings(
    file: Sequence[FlowSteps], columns: Sequence[LeadColumn], *, unsubscribe: Sequence[str]
) -> Iterator[FileWarning]:
    """What is odd about flows and steps in normal form, in their order.

    ``columns`` are those of leads; ``unsubscribe`` the addresses that every email has for it.
    """
    for entry in file:
        flow = entry.flow
        for field, condition in (("audience", flow.audience), ("exit_when", flow.exit_when)):
            for problem in condition_problems(condition or {}, columns):
                yield FileWarning(flow.name, None, field, problem)
        if flow.exit_when is not None and not flow.exit_when:
            yield FileWarning(flow.name, None, "exit_when", _EVERYBODY_LEAVES)
        for step in entry.steps:
            for field, text in _step_problems(flow, step, columns, unsubscribe):
                yield FileWarning(flow.name, step.key, field, text)


def merge_field_problems(step: Step, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The field of a step and what is odd about a merge field in it; ``names`` are of columns."""
    is_page = step.type is Channel.EMAIL and is_html(step.content or "", step.format)
    for field, source in (("subject", step.subject), ("content", step.content)):
        for problem in _field_problems(source or "", names, html=is_page and field == "content"):
            yield field, problem


def _step_problems(
    flow: Flow, step: Step, columns: Sequence[LeadColumn], unsubscribe: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """The field and what is odd about it."""
    yield from merge_field_problems(step, [column.name for column in columns])
    if not step.enabled or step.content is None:
        return
    if way_out := _way_out_problem(step, step.content, unsubscribe):
        yield "content", way_out
    if step.type is Channel.TEXT and (cost := _segments_problem(step.content, columns)):
        yield "content", cost
    if late := _window_problem(flow, step):
        yield "time", late


def _way_out_problem(step: Step, content: str, unsubscribe: Sequence[str]) -> str | None:
    """That an email has no address to unsubscribe at, or a link to it that leads nowhere."""
    has_link = any(uri.startswith("https:") for uri in unsubscribe)
    if UNSUBSCRIBE_URL in content and not has_link:
        return _EMPTY_LINK
    if step.type is Channel.EMAIL and not unsubscribe:
        return _NO_WAY_OUT
    return None


def _field_problems(source: str, names: Sequence[str], *, html: bool) -> Iterator[str]:
    try:
        unknown = unknown_fields(parse(source, html), names)
    except TemplateError:
        return
    for name in unknown:
        close = nearest_column(name, names)
        hint = "" if close is None else f", did you mean {{{{ {close} }}}}?"
        yield f"{{{{ {name} }}}} is not a column of leads and stays empty{hint}"
    for written, column in foreign_fields(source, names):
        hint = "" if column is None else f", write {{{{ {column} }}}}"
        yield f"{written} is another system's merge field and stays as it is{hint}"


def _segments_problem(content: str, columns: Sequence[LeadColumn]) -> str | None:
    """That a text travels in several segments, counted with a sample of each column."""
    lead = {column.name: _SAMPLES.get(column.kind) for column in columns}
    try:
        text = parse(content, html=False).render(TemplateContext(lead, now=_SAMPLE_TIME, zone=UTC))
    except TemplateError:
        return None
    found = segments(text)
    if found.count <= 1:
        return None
    cause = found.cause and f": '{found.cause}' (U+{ord(found.cause):04X}) is not in GSM-7"
    return (
        f"about {found.count} segments, each of which costs as much as a short message "
        f"({found.encoding}{cause})"
    )


def _window_problem(flow: Flow, step: Step) -> str | None:
    """That a step's time of day lies outside its flow's own send window."""
    window = flow.send_window
    if window is None or step.time is None or step.time_type is not TimeType.SPECIFIC:
        return None
    if step.type not in window.get("types", [step.type]):
        return None
    start, end = window.get("start", "12:00 AM"), window.get("end", "12:00 AM")
    if _is_inside(*map(parse_time_of_day, (step.time, start, end))):
        return None
    return f"{step.time} is outside the flow's send_window ({start} to {end}): it waits for {start}"


def _is_inside(at: time, start: time, end: time) -> bool:
    """``end`` is exclusive; one that is not after ``start`` is the next day's."""
    return start <= at < end if start < end else at >= start or at < end
