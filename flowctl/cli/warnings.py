"""Warnings about steps, for people."""

from collections.abc import Sequence

from flowctl.cli import show
from flowctl.flowfile.warnings import FileWarning


def show_warnings(found: Sequence[FileWarning]) -> None:
    """A line for each thing that is odd, however many steps have it."""
    steps: dict[tuple[str, str], list[str]] = {}
    for warning in found:
        step = warning.flow if warning.key is None else f"{warning.flow}/{warning.key}"
        steps.setdefault((warning.field, warning.text), []).append(step)
    for (field, text), names in steps.items():
        show.warn(f"{', '.join(dict.fromkeys(names))}: {field}: {text}")
