"""What a sync does, or would do: as one document, and for people."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import unified_diff

from flowctl.cli import show
from flowctl.jsonvalues import to_json
from flowctl.model import Flow, Step
from flowctl.plan import ORDER, FlowChange, Plan, StepChange
from flowctl.steps import StepPending, SyncResult
from flowctl.text import escape, plural
from flowctl.times import format_duration

_INDENT = " " * 9
_COLORS = {"create": "green", "update": "yellow", "disable": "red"}
_DIFF_COLORS = {"+": "green", "-": "red", "@": "cyan"}
_LINES_AROUND = 2
"""Unchanged lines shown before and after changed ones."""


def plan_document(synced: SyncResult) -> dict[str, object]:
    """The JSON document of ``steps sync``, without its warnings."""
    plan, everything = synced.plan, synced.all_pending
    renames = plan.renames
    return {
        "created": [_name(change) for change in plan.created],
        "updated": [_name(change) for change in plan.updated],
        "disabled": [f"{step.flow}/{step.key}" for step in plan.disabled],
        "unchanged": [f"{step.flow}/{step.key}" for step in plan.unchanged],
        "renamed": {f"{flow}/{old}": f"{flow}/{new}" for (flow, new), old in renames.steps.items()},
        "flows_created": [change.flow.name for change in plan.flows_created],
        "flows_updated": [change.flow.name for change in plan.flows_updated],
        "flows_renamed": {old: new for new, old in renames.flows.items()},
        "changes": [
            {"flow": flow, "key": key, "field": field, "old": old, "new": new}
            for flow, key, field, old, new in _all_changes(plan)
        ],
        "pending_kept": everything.drift.kept,
        "pending_updated": everything.update.updated,
        "pending_cancelled": everything.update.cancelled,
        "keeping": {
            f"{flow}/{key}": found.drift.kept
            for (flow, key), found in synced.pending.items()
            if found.drift.kept
        },
        "cancelling": {
            f"{flow}/{key}": found.cancelling
            for (flow, key), found in synced.pending.items()
            if found.cancelling
        },
    }


def show_plan(synced: SyncResult, *, is_dry_run: bool) -> None:
    """Each change with what it replaces, and what becomes of the pending messages."""
    plan, pending = synced.plan, dict(synced.pending)
    for flow in plan.flows_created:
        _heading("create", f"flow {flow.flow.name}")
    for flow in plan.flows_updated:
        _heading("update", f"flow {flow.flow.name}")
        _fields(flow)
    for change in plan.created:
        _heading("create", _name(change), _when(change.step))
    for change in plan.updated:
        _heading("update", _name(change))
        _fields(change)
        _pending(pending.pop((change.step.flow, str(change.step.key)), None))
    for step in plan.disabled:
        _heading("disable", f"{step.flow}/{step.key}", "not in the file")
        _pending(pending.pop((step.flow, str(step.key)), None))
    for (flow_name, key), found in pending.items():
        _heading("pending", f"{flow_name}/{key}")
        _pending(found)
    if plan.is_empty:
        show.say("already up to date")
    elif plan.unchanged:
        show.say(f"{plural(len(plan.unchanged), 'step')} unchanged")
    _totals(synced.all_pending, is_dry_run=is_dry_run)


def _totals(found: StepPending, *, is_dry_run: bool) -> None:
    drift, update = found.drift, found.update
    if update.updated:
        show.say(
            f"pending messages that {'would follow' if is_dry_run else 'follow'} the change: "
            f"{update.updated} of {plural(update.leads, 'lead')}, "
            f"of these cancelled: {update.cancelled}"
        )
    if drift.kept:
        show.say(
            f"pending messages that stay as they were scheduled: {drift.kept} of "
            f"{plural(drift.kept_leads, 'lead')} "
            "(--update-pending lets them follow, unless they are being sent)"
        )
    if drift.cancelling:
        show.say(
            "pending messages that will be cancelled when they come due, since their step or flow "
            f"is off: {drift.cancelling} of {plural(drift.cancelling_leads, 'lead')} "
            "(flowctl flows pause lets a flow wait instead)"
        )


def _heading(verb: str, name: str, details: str = "") -> None:
    line = f"{verb:<{len(_INDENT)}}{name}" + (f": {details}" if details else "")
    show.styled(escape(line), _COLORS.get(verb, "default"))


def _fields(change: FlowChange | StepChange) -> None:
    for field, old, new in _changes(change):
        if field == ORDER:
            show.line(f"{_INDENT}order: another place among the steps of the same time")
        elif field == "content":
            show.line(f"{_INDENT}content:")
            for line in _diff(str(old or ""), str(new or "")):
                show.styled(_INDENT + line, _DIFF_COLORS.get(line[0], "default"))
        else:
            show.line(f"{_INDENT}{field}: {_value(old)} -> {_value(new)}")


def _diff(old: str, new: str) -> Iterator[str]:
    """A unified diff by lines, without a character that a terminal would obey; tabs stay."""
    lines = unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=_LINES_AROUND)
    for number, line in enumerate(lines):
        if number > 1:  # the names of two files
            yield "\t".join(map(escape, line.split("\t")))


def _pending(found: StepPending | None) -> None:
    if found is None:
        return
    drift, update = found.drift, found.update
    if followed := update.updated - update.cancelled:
        _say(followed, "follow", "follows", "")
    if update.cancelled:
        _say(update.cancelled, "are cancelled", "is cancelled", "")
    if drift.kept:
        kept = " and ".join(
            [*["text"] * drift.has_old_text, *["time"] * drift.has_old_time] or ["place"]
        )
        _say(drift.kept, "keep", "keeps", f" the old {kept}")
    if drift.cancelling:
        _say(drift.cancelling, "will be cancelled", "will be cancelled", "")


def _say(count: int, several: str, one: str, rest: str) -> None:
    verb = one if count == 1 else several
    show.line(f"{_INDENT}{plural(count, 'pending message')} {verb}{rest}")


def _all_changes(plan: Plan) -> Iterator[tuple[str, str | None, str, object, object]]:
    for flow in plan.flows_updated:
        for field, old, new in _changes(flow):
            yield flow.flow.name, None, field, old, new
    for step in plan.updated:
        for field, old, new in _changes(step):
            yield step.step.flow, step.step.key, field, old, new


def _changes(change: FlowChange | StepChange) -> Iterator[tuple[str, object, object]]:
    """Each changed field, what it said and what it says."""
    row: Flow | Step = change.flow if isinstance(change, FlowChange) else change.step
    for field in change.changed:
        yield field, getattr(change.before, field, None), getattr(row, field, None)


def _name(change: StepChange) -> str:
    return f"{change.step.flow}/{change.step.key}"


def _when(step: Step) -> str:
    state = "" if step.enabled else ", off"
    return f"{step.type}, day {step.day}, {step.time or step.time_type}{state}"


def _value(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case timedelta():
            return format_duration(value)
        case Mapping():
            return to_json(value)
        case _:
            return escape(str(value))
