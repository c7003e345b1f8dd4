"""What can be wrong with a template."""


class TemplateError(Exception):
    """A template that does not parse, or that fails on a lead; ``line`` counts from 1, if known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.message = message
        self.line = line
