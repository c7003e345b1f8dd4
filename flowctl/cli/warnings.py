"""Warnings about steps, for people."""

from collections.abc import Sequence

from flowctl.cli import show
from flowctl.flowfile.warnings import FileWarning


def show_warnings(found: Sequence[FileWarning]) -> None:
    """A line for each thing that is odd, however many steps have it."""
    places: dict[tuple[str, str], list[str]] = {}
    for warning in found:
        place = warning.flow if warning.key is None else f"{warning.flow}/{warning.key}"
        places.setdefault((warning.field, warning.text), []).append(place)
    for (field, text), names in places.items():
        show.warn(f"{', '.join(dict.fromkeys(names))}: {field}: {text}")
