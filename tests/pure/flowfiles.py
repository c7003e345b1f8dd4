"""Steps files as a test writes them."""

# the tables of mistakes have a case a line

from pathlib import Path

from flowctl.flowfile import read
from flowctl.model import FlowSteps


def told(file: Path, content: str | bytes) -> tuple[FlowSteps, ...]:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(file)


EMAIL = 'type = "email"\nsubject = "s"\n'
TEXT = 'type = "text"\n'
