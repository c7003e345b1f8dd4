"""The difference of a steps file and the tables: what a sync would do. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal

from flowctl.jsonvalues import exact
from flowctl.model import Flow, FlowSteps, Step
from flowctl.renames import Renames

_NO_RENAMES = Renames()

ORDER = "order"
"""Named among a step's changed fields where only its place among steps of the same time changed."""


@dataclass(frozen=True, slots=True)
class FlowChange:
    """A flow to be made so. ``changed`` names the settings in which it differs from ``before``; a
    new flow has neither."""

    flow: Flow
    changed: tuple[str, ...] = ()
    before: Flow | None = None


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step to be made so. ``changed`` names the columns in which it differs from ``before``; a
    new step has neither."""

    step: Step
    changed: tuple[str, ...] = ()
    before: Step | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What makes the tables say what the file says; everything in the file's order.

    ``positions`` has the place of every step of the file in its flow, from 1, by flow and key: it
    decides between steps of the same time.
    """

    flows_created: tuple[FlowChange, ...]
    flows_updated: tuple[FlowChange, ...]
    created: tuple[StepChange, ...]
    updated: tuple[StepChange, ...]
    disabled: tuple[Step, ...]
    unchanged: tuple[Step, ...]
    positions: Mapping[tuple[str, str], int]
    renames: Renames

    @property
    def is_empty(self) -> bool:
        """Whether the tables already say what the file says."""
        return not (
            self.flows_created
            or self.flows_updated
            or self.created
            or self.updated
            or self.disabled
        )


def plan(
    file: Sequence[FlowSteps], table: Sequence[FlowSteps], renames: Renames = _NO_RENAMES
) -> Plan:
    """Compare a file with the tables, both normal (see ``normalize``).

    The tables have the new names already; what ``renames`` has is changed by it. A keyed step of
    the file's flows that the file lacks is disabled; one that is disabled already, steps without a
    key and flows that are not in the file are left alone.
    """
    held = {flow.flow.name: flow for flow in table}
    flows = [_flow_change(wanted.flow, held.get(wanted.flow.name), renames) for wanted in file]
    steps = [
        change
        for wanted in file
        for change in _step_changes(wanted, held.get(wanted.flow.name), renames)
    ]
    return Plan(
        flows_created=tuple(flow for flow in flows if flow.flow.name not in held),
        flows_updated=tuple(flow for flow in flows if flow.changed),
        created=tuple(change for change, is_new in steps if is_new),
        updated=tuple(change for change, is_new in steps if change.changed and not is_new),
        disabled=tuple(
            step for wanted in file for step in _gone(wanted, held.get(wanted.flow.name))
        ),
        unchanged=tuple(
            change.step for change, is_new in steps if not change.changed and not is_new
        ),
        positions={
            (step.flow, step.key): position
            for wanted in file
            for position, step in enumerate(wanted.steps, start=1)
            if step.key is not None
        },
        renames=renames,
    )


def _flow_change(wanted: Flow, held: FlowSteps | None, renames: Renames) -> FlowChange:
    if held is None:
        return FlowChange(wanted)
    before = replace(held.flow, name=renames.flows.get(wanted.name, wanted.name))
    return FlowChange(wanted, _differences(wanted, before), before)


def _step_changes(
    wanted: FlowSteps, held: FlowSteps | None, renames: Renames
) -> list[tuple[StepChange, bool]]:
    """Each step of the file's flow as a change, and whether it is new."""
    known: dict[str | None, Step] = (
        {step.key: step for step in held.steps if step.key is not None} if held else {}
    )
    moved = _moved(wanted.steps, known)
    changes = []
    for step in wanted.steps:
        before = known.get(step.key)
        if before is not None:
            old_key = renames.steps.get((step.flow, str(step.key)), step.key)
            before = replace(before, key=old_key)
        changed = _differences(step, before) if before else ()
        if not changed and step.key in moved:
            changed = (ORDER,)
        changes.append((StepChange(step, changed, before), before is None))
    return changes


def _gone(wanted: FlowSteps, held: FlowSteps | None) -> list[Step]:
    """Enabled keyed steps of the table that the file lacks."""
    kept = {step.key for step in wanted.steps}
    return [
        step
        for step in (held.steps if held else ())
        if step.enabled and step.key is not None and step.key not in kept
    ]


def _moved(wanted: Sequence[Step], known: Mapping[str | None, Step]) -> set[str | None]:
    """The keys of steps that keep their time but not their place among the steps of that time."""
    staying = {
        step.key for step in wanted if step.key in known and _when(step) == _when(known[step.key])
    }
    now = sorted((step for step in wanted if step.key in staying), key=_when)
    before = sorted((step for step in known.values() if step.key in staying), key=_when)
    return {new.key for new, old in zip(now, before, strict=True) if new.key != old.key}


def _when(step: Step) -> tuple[int, str, str]:
    return step.day, step.time_type, step.time or ""


def _differences(wanted: Flow | Step, held: Flow | Step) -> tuple[str, ...]:
    """The names of the fields in which two rows differ."""
    names = (field.name for field in fields(wanted))
    return tuple(n for n in names if not _same(getattr(wanted, n), getattr(held, n)))


def _same(one: object, other: object) -> bool:
    """Equality as jsonb has it: 1 is 1.0 and not true, at any depth."""
    match one, other:
        case Mapping(), Mapping():
            return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
        case list(), list():
            return len(one) == len(other) and all(map(_same, one, other))
        case (bool(), _) | (_, bool()):
            return one is other
        case int() | float() | Decimal(), int() | float() | Decimal():
            return exact(one) == exact(other)
        case _:
            return one == other
