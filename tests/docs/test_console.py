"""The evaluator of ``console`` blocks tells a document that is true from one that is not."""

import os
from pathlib import Path

import pytest

from tests.docs.console import Example, examples, run

DOCUMENT = """\
# Title

```console
$ printf 'one\\ntwo\\n'
one
two
$ cat missing.toml # exit 1
cat: missing.toml: ...
```

```toml
$ not = "run"
```

```console
$ echo three \\
> four
three four
```
"""


def test_examples_are_found_with_their_lines() -> None:
    assert list(examples(DOCUMENT)) == [
        Example(4, "printf 'one\\ntwo\\n'", "one\ntwo\n"),
        Example(7, "cat missing.toml # exit 1", "cat: missing.toml: ...\n", 1),
        Example(16, "echo three \\\nfour", "three four\n"),
    ]


def test_a_true_document_is_believed(tmp_path: Path) -> None:
    for example in examples(DOCUMENT):
        assert example.matches(*run(example, tmp_path, os.environ))


@pytest.mark.parametrize(
    ("expected", "output", "truth"),
    [
        ("a\nb", "a  \nb\n", True),
        ("a\nb", "a\nc\n", False),
        ("a (.*)", "a b", False),
        ("at ... sent", "at 9:00 AM sent", True),
        ("at ... sent", "at 9:00\nAM sent", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...\nd", "a\nb\nc", False),
        ("...", "", True),
        ("", "unexpected", False),
    ],
)
def test_an_output_is_compared(expected: str, output: str, truth: bool) -> None:
    assert Example(1, "", expected).matches(output, 0) is truth


def test_a_status_is_compared() -> None:
    assert Example(1, "", "", 3).matches("", 3)
    assert not Example(1, "", "", 3).matches("", 0)
    assert not Example(1, "", "").matches("", 1)
