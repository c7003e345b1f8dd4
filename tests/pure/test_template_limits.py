"""Templates end: loops, output and variables have limits."""

import pytest

from flowctl.template import context
from tests.support.templates import failure

LOOPS = [
    "{% for i in (1..100000) %}{% for j in (1..100000) %}x{% endfor %}{% endfor %}",
    "{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}",
    "{% for i in (1..many) %}x{% endfor %}",
    "{% for i in (1..1000000000000) reversed %}x{% endfor %}",
    "{% assign a = (1..1000000000000) | reverse %}",
    "{{ (1..1000000000000) | join: ' ' }}",
    "{{ (1..1000000000000) | concat: (1..1000000000000) }}",
]


@pytest.mark.parametrize("source", LOOPS)
def test_a_loop_ends_at_its_limit(source: str) -> None:
    error = failure(source, {"many": 10**12})
    assert "1,000 numbers" in error.message or "limit reached" in error.message


@pytest.mark.parametrize(
    "source",
    [
        "{% assign s = 'ab' %}{% for i in (1..900) %}{% assign s = s | append: s %}{% endfor %}",
        "{% assign s = 9 %}{% for i in (1..900) %}{% assign s = s | times: s %}{% endfor %}",
        "{% assign s = x | split: '' %}{% assign s = s | concat: s %}",
        "{{ x | replace: '', x | replace: '', x | replace: '', x }}",
        "{{ x" + " | base64_encode" * 200 + " }}",
        "{% for i in (1..900) %}{{ x }}{% endfor %}",
        "{% for i in (1..900) %}{% capture y %}{{ y }}{{ x }}{% endcapture %}{% endfor %}",
    ],
)
def test_output_and_variables_end_at_their_limits(source: str) -> None:
    error = failure(source, {"x": "x" * context.VALUE_CAP})
    assert "limit reached" in error.message or "too long" in error.message
