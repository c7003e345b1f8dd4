"""Segments against the specification, written down a second time: character by character."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowctl.segments import GSM_7, UCS_2, Segments, segments

EURO = "€"
EMOJI = "😀"
APOSTROPHE = "\u2019"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments(0, GSM_7)),
        ("a" * 160, Segments(1, GSM_7)),
        ("a" * 161, Segments(2, GSM_7)),
        ("a" * 306, Segments(2, GSM_7)),
        ("a" * 307, Segments(3, GSM_7)),
        (EURO * 80, Segments(1, GSM_7)),
        (EURO * 81, Segments(2, GSM_7)),
        # the euro sign does not fit the last place of the first piece
        ("a" * 152 + EURO + "a" * 152, Segments(3, GSM_7)),
        ("[]{}~^|\\" + "a" * 144, Segments(1, GSM_7)),
        ("[]{}~^|\\" + "a" * 145, Segments(2, GSM_7)),
        ("ÄÖÜäöüßñ¿¡èéùìò£¥§Δ" * 8, Segments(1, GSM_7)),
        (APOSTROPHE + "a" * 69, Segments(1, UCS_2, APOSTROPHE)),
        ("a" + APOSTROPHE + "a" * 69, Segments(2, UCS_2, APOSTROPHE)),
        (EMOJI * 35, Segments(1, UCS_2, EMOJI)),
        (EMOJI * 36, Segments(2, UCS_2, EMOJI)),
        ("a" * 66 + EMOJI + "a" * 66, Segments(3, UCS_2, EMOJI)),
        ("á", Segments(1, UCS_2, "á")),
        ("ç", Segments(1, UCS_2, "ç")),
        ("`", Segments(1, UCS_2, "`")),
    ],
)
def test_a_text_in_its_pieces(text: str, expected: Segments) -> None:
    assert segments(text) == expected


TEXTS = st.text(st.sampled_from("aZ9 \n@€[]^~£é"), max_size=500) | st.text(
    st.sampled_from(f"a{APOSTROPHE}é😀€\u200d日"), max_size=250
)


@given(TEXTS)
@example("€" * 77)
@example(EMOJI * 40)
def test_pieces_are_filled_one_after_another(text: str) -> None:
    """Codecs of Python as the oracle: each character's own length in UTF-16."""
    found = segments(text)
    if found.encoding == GSM_7:
        sizes = [2 if char in "€[]{}~^|\\\f" else 1 for char in text]
        alone, each = 160, 153
    else:
        sizes = [len(char.encode("utf-16-be")) // 2 for char in text]
        alone, each = 70, 67
    pieces: list[int] = []
    for size in sizes:
        if pieces and pieces[-1] + size <= each:
            pieces[-1] += size
        else:
            pieces.append(size)
    assert found.count == (min(len(pieces), 1) if sum(sizes) <= alone else len(pieces))
    assert (found.cause != "") == (found.encoding == UCS_2)
