"""What servers say of a recipient, in their own words, and what that means."""

import json
from pathlib import Path

import pytest

from flowctl.inbound.reasons import judge

CASES = json.loads((Path(__file__).parent.parent / "samples" / "words.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["words"][:40] for case in CASES])
def test_words_are_judged(case: dict[str, str]) -> None:
    assert judge([case["words"]], case["status"]).verdict == case["verdict"]
