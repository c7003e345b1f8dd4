"""What is wrong with an address."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class AddressError(ValueError):
    """An address that cannot be written to; the text is the reason, fit for ``error_message``."""


def shown(raw: str) -> str:
    """An address as it may appear in an error message: one line, not too long."""
    return _CONTROL.sub(" ", raw)[:80]
