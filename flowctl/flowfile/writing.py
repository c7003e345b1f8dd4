"""Writing a steps file."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import tomli_w

from flowctl.flowfile.flows import FLOW_KEYS
from flowctl.flowfile.jsonvalue import as_toml
from flowctl.model import Flow, FlowSteps, Step, TimeType
from flowctl.normalize import normalize_flow, normalize_step
from flowctl.times import format_duration


def write(flows: Sequence[FlowSteps]) -> str:
    """The text of a steps file with these flows, every step of which has a key.

    Only what differs from the defaults is written. ``read`` makes the same of it, in normal
    form.
    """
    return "\n".join(line for flow in flows for line in _flow_lines(flow))


def _flow_lines(flow: FlowSteps) -> Iterator[str]:
    yield "[[flows]]"
    yield from _entries(_settings(normalize_flow(flow.flow)))
    yield ""
    for step in flow.steps:
        yield "[[flows.steps]]"
        yield from _entries(_columns(normalize_step(step)))
        yield ""


def _settings(flow: Flow) -> Mapping[str, object]:
    plain = Flow(flow.name)
    given = {name: getattr(flow, name) for name in FLOW_KEYS}
    changed = {name: value for name, value in given.items() if value != getattr(plain, name)}
    return {"name": flow.name, **changed}


def _columns(step: Step) -> Mapping[str, object]:
    """What the file says of a step. A time says that it is specific."""
    columns: dict[str, object] = {"key": step.key, "type": step.type.value, "subject": step.subject}
    columns["day"] = step.day or None
    columns["time"] = step.time
    if step.time is None and step.time_type is TimeType.SPECIFIC:
        columns["time_type"] = step.time_type.value
    columns["enabled"] = None if step.enabled else False
    columns["format"] = None if step.format is None else step.format.value
    columns["content"] = step.content
    return {name: value for name, value in columns.items() if value is not None}


def _entries(values: Mapping[str, object]) -> Iterator[str]:
    for name, value in values.items():
        match value:
            case timedelta():
                yield _entry(name, format_duration(value))
            case Mapping():
                yield f"{name} = {as_toml(value)}"
            case _:
                yield _entry(name, value)


def _entry(name: str, value: object) -> str:
    # Over several lines TOML has but one line end; a string with others is written escaped, in one.
    several_lines = isinstance(value, str) and "\r" not in value
    return tomli_w.dumps({name: value}, multiline_strings=several_lines).removesuffix("\n")
