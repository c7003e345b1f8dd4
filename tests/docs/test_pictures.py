"""The pictures in the documents show what the program prints today."""

import re

import pytest

from tests.docs.pictures import FOLDER, PICTURES, pictures
from tests.docs.readme import ROOT
from tests.docs.report_pictures import SCHEMES, marked, report_page

NEEDED = 5
"""Lines at least of a picture that says something."""

LARGEST = 200_000
"""Bytes of a picture that nobody waits for."""


def test_the_pictures_are_current(database: str) -> None:
    for name, text in pictures(database):
        assert (FOLDER / name).read_text("utf-8") == text, "python -m tests.docs.pictures"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_shown_and_asks_for_nothing(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert len(re.findall(r"<text [^<>]*>[^<>]+</text>\n", text)) >= NEEDED
    assert "href" not in text
    assert "url(" not in text
    assert is_shown(name)


def test_the_pictures_of_the_report_are_current(database: str) -> None:
    chunk = marked(report_page(database))
    for name in SCHEMES:
        assert chunk in (FOLDER / name).read_bytes(), "python -m tests.docs.pictures"


@pytest.mark.parametrize("name", SCHEMES)
def test_a_picture_of_the_report_is_small(name: str) -> None:
    assert (FOLDER / name).stat().st_size < LARGEST
    assert is_shown(name)


def is_shown(name: str) -> bool:
    """Whether a document shows the picture."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    return any(f"pictures/{name}" in page.read_text("utf-8") for page in pages)
