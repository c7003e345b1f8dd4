"""The pictures in the documents show what the program prints today."""

import re

import pytest

from tests.docs.pictures import FOLDER, PICTURES, pictures
from tests.docs.readme import ROOT

NEEDED = 5
"""Lines at least of a picture that says something."""


def test_the_pictures_are_current(database: str) -> None:
    for name, text in pictures(database):
        assert (FOLDER / name).read_text("utf-8") == text, "python -m tests.docs.pictures"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_shown_and_asks_for_nothing(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert len(re.findall(r"<text [^<>]*>[^<>]+</text>\n", text)) >= NEEDED
    assert "href" not in text
    assert "url(" not in text
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert any(f"pictures/{name}" in page.read_text("utf-8") for page in pages)
