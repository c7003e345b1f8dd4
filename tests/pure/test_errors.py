"""The family of errors and the statuses that README promises for it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowctl import cli, errors
from flowctl.errors import FlowctlError

README = Path(__file__).parents[2] / "README.md"


def family(base: type[FlowctlError]) -> Iterator[type[FlowctlError]]:
    for error in base.__subclasses__():
        yield error
        yield from family(error)


def documented() -> dict[int, str]:
    """The table under the heading "Exit codes": status and meaning."""
    section = README.read_text("utf-8").partition("\n## Exit codes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)
    return {int(code): meaning for code, meaning in rows}


def test_every_kind_of_error_has_a_status_of_its_own() -> None:
    statuses = [error.exit_code for error in FlowctlError.__subclasses__()]
    assert sorted(statuses) == [1, 2, 3, 4, 5, 6, 75]


def test_a_special_case_has_the_status_of_its_kind() -> None:
    for kind in FlowctlError.__subclasses__():
        assert {error.exit_code for error in family(kind)} <= {kind.exit_code}


def test_readme_lists_every_status_and_no_other() -> None:
    of_errors = {error.exit_code for error in family(FlowctlError)}
    of_the_frame = {0, cli.EXIT_BUG, cli.EXIT_INTERRUPTED, cli.EXIT_READER_GONE}
    assert set(documented()) == of_errors | of_the_frame


@pytest.mark.parametrize("error", list(family(FlowctlError)))
def test_the_tree_in_the_docstring_is_the_family(error: type[FlowctlError]) -> None:
    is_kind = error in FlowctlError.__subclasses__()
    status = rf" +{error.exit_code} " if is_kind else r"\b"
    assert re.search(rf"── {error.__name__}{status}", errors.__doc__ or "")


def test_an_error_carries_what_is_printed() -> None:
    error = FlowctlError("what", hint="do", details=("one",))
    assert str(error) == error.message == "what"
    assert error.hint == "do"
    assert error.details == ("one",)
