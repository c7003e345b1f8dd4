"""What is wrong with an address."""

from flowctl.text import CONTROL


class AddressError(ValueError):
    """An address that cannot be written to; the text is the reason, fit for ``error_message``."""


def shown(raw: str) -> str:
    """An address as it may appear in an error message: one line, not too long."""
    return CONTROL.sub(" ", raw)[:80]
