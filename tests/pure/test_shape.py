"""No module that cannot be kept in mind, no function that does not fit a screen."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowctl

MODULE_LINES = 300
FUNCTION_LINES = 40

PACKAGE = Path(flowctl.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = Path(__file__).parents[1]


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each function with its number of lines; a command's without its signature, which is the list
    of its options."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            is_command = any(argument.arg == "ctx" for argument in node.args.args)
            first = node.body[0].lineno if is_command else node.lineno
            yield node.name, (node.end_lineno or first) - first + 1


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_and_its_functions_are_short(module: Path) -> None:
    text = module.read_text("utf-8")
    assert text.count("\n") <= MODULE_LINES
    long = {name: lines for name, lines in functions(ast.parse(text)) if lines > FUNCTION_LINES}
    assert long == {}


def test_no_test_module_is_long() -> None:
    long = {
        str(path.relative_to(TESTS)): lines
        for path in TESTS.rglob("*.py")
        if (lines := path.read_text("utf-8").count("\n")) > MODULE_LINES
    }
    assert long == {}
