"""Merge fields of previewed steps that cannot be what was meant."""

from collections.abc import Iterator, Sequence

from flowctl.database import Connection
from flowctl.flowfile.warnings import FileWarning, merge_field_problems
from flowctl.model import FlowSteps, Status, Step
from flowctl.preview.messages import Preview
from flowctl.store import steps as store


def field_warnings(
    connection: Connection, found: Preview, file: Sequence[FlowSteps] | None
) -> list[FileWarning]:
    """What is odd about the merge fields of what is not sent yet; the steps are those of ``file``,
    else those of the tables."""
    columns = [column.name for column in store.lead_columns(connection)]
    shown = {
        (message.flow, message.key or f"#{message.step_order}")
        for message in found.messages
        if message.status is not Status.SENT
    }
    return [
        FileWarning(step.flow, name, field, text)
        for step, name in _steps(connection, file or ())
        if (step.flow, name) in shown
        for field, text in merge_field_problems(step, columns)
    ]


def _steps(connection: Connection, file: Sequence[FlowSteps]) -> Iterator[tuple[Step, str]]:
    """Each step and its name: its key, or ``#`` and its order."""
    for entry in file:
        for step in entry.steps:
            yield step, str(step.key)
    written = {entry.flow.name for entry in file}
    for row in store.select_steps(connection):
        if row.step.flow not in written:
            yield row.step, row.step.key or f"#{row.step_order}"
