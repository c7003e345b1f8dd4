"""What the everyday run leaves out is drawn fairly, and nothing is left out for good."""

import pytest

from tests.support.cases import drawn

CASES = [f"tests/cli/test_a.py::test_many[{n}]" for n in range(11)]
ONE = "tests/cli/test_a.py::test_one"
PURE = [f"tests/pure/test_a.py::test_many[{n}]" for n in range(11)]


def test_a_fifth_of_the_cases_and_every_test_is_tried() -> None:
    tried = drawn([*CASES, ONE, *PURE], seed=1)
    assert len(tried & set(CASES)) == 3
    assert {ONE, *PURE} <= tried


@pytest.mark.parametrize("cases", [CASES, CASES[:1], CASES[:5]])
def test_each_case_has_its_day(cases: list[str]) -> None:
    assert set().union(*(drawn(cases, seed) for seed in range(100))) == set(cases)


def test_every_process_of_a_run_draws_the_same() -> None:
    assert drawn(CASES, seed=7) == drawn(reversed(CASES), seed=7)
