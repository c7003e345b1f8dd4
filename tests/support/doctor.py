"""What the doctor finds in a database."""

from collections.abc import Callable, Mapping

from flowctl import database as db
from flowctl.doctor import Check, Grade, examine, valid_settings

Found = Mapping[str, list[Check]]
"""Checks by their name."""

Examine = Callable[[], Found]


def examined(url: str, **environ: str) -> Found:
    """Everything the doctor finds in a database."""
    valid = valid_settings(environ)
    report = examine(lambda: db.connect(url), valid.settings, [valid.check])
    found: dict[str, list[Check]] = {}
    for check in report.checks:
        found.setdefault(check.name, []).append(check)
    return found


def the(found: Found, name: str) -> Check:
    """The one check of that name."""
    (check,) = found[name]
    return check


def faults(found: Found) -> set[str]:
    """The names of the checks that found a fault."""
    return {
        check.name for checks in found.values() for check in checks if check.status is Grade.FAULT
    }
