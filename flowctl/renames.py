"""Which flows and steps of the tables a steps file gives another name (its lines ``was``). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flowctl.errors import InputError
from flowctl.model import DEFAULT_FLOW, FlowSteps


@dataclass(frozen=True, slots=True)
class Renames:
    """What is renamed: the old names of flows by their new ones, the old keys of steps by their
    flow, as it is named now, and new key."""

    flows: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[tuple[str, str], str] = field(default_factory=dict)


def find_renames(file: Sequence[FlowSteps], table: Sequence[FlowSteps]) -> Renames:
    """What is still to be renamed: what the tables hold under its old name alone.

    Raises InputError, naming all of them, where the tables hold both names: each has messages of
    its own, and nothing says which is meant.
    """
    held = {entry.flow.name: entry for entry in table if _is_there(entry)}
    flows = {entry.flow.name: entry.was for entry in file if entry.was and entry.was in held}
    steps: dict[tuple[str, str], str] = {}
    clashes = [
        _clash(f"flow '{new}'", "flows", old, new) for new, old in flows.items() if new in held
    ]
    for wanted in file:
        name = wanted.flow.name
        before = held.get(wanted.was or "") or held.get(name)
        keys = {step.key for step in before.steps} if before else set()
        for new, old in wanted.old_keys.items():
            if old in keys and new in keys:
                clashes.append(_clash(f"flow '{name}' step '{new}'", "steps", old, new))
            elif old in keys:
                steps[name, new] = old
    if clashes:
        raise InputError(
            "a former name is still in use; nothing was changed",
            hint="take the line was out: each of the two has messages of its own",
            details=tuple(clashes),
        )
    return Renames(flows, steps)


def _is_there(entry: FlowSteps) -> bool:
    """The flow default always exists: without steps it counts as not being there."""
    return entry.flow.name != DEFAULT_FLOW or bool(entry.steps)


def _clash(location: str, nouns: str, old: str, new: str) -> str:
    return f"{location}: was: the database has both {nouns}, '{old}' and '{new}'"
