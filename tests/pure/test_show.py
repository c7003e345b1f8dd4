"""Output: a terminal obeys nothing that a lead wrote, and off a terminal nothing of it is lost."""

import io
import json
import os
import pty
import re
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Self, TextIO, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.cli import show
from flowctl.cli.progress import PLAIN_INTERVAL, Progress
from flowctl.cli.tables import plain_table, width
from flowctl.errors import NeedsAttention
from flowctl.model import Channel
from flowctl.text import escape, json_safe

NASTY = "[/foo] [link=http://evil.example]B\x1b[2J\x07\x9b\u202eo[/link] :smile:"
SHOWN = r"[/foo] [link=http://evil.example]B\x1b[2J\x07\x9b\u202eo[/link] :smile:"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OWN_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """A pseudo-terminal that the standard streams of this process are connected to in a block."""

    def __init__(self) -> None:
        self._person, self._program = pty.openpty()
        self.seen = ""
        """All that was written, without what a terminal was told on purpose (colour, cursor)."""

    def type(self, text: str) -> None:
        """What a person types."""
        os.write(self._person, text.encode())

    def __enter__(self) -> Self:
        self._replaced = sys.stdin, sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = (self._stream(mode) for mode in "rww")
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            stream.close()
        sys.stdin, sys.stdout, sys.stderr = self._replaced
        os.close(self._program)
        self.seen = OWN_SEQUENCES.sub("", self._written().decode())
        os.close(self._person)

    def _stream(self, mode: str) -> TextIO:
        return cast(TextIO, os.fdopen(os.dup(self._program), mode, encoding="utf-8"))

    def _written(self) -> bytes:
        written = b""
        try:
            while chunk := os.read(self._person, 4096):
                written += chunk
        except OSError:  # how Linux says that the other side is closed
            return written
        return written


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Row:
    """A result of a use case."""

    id: UUID
    at: datetime


@given(st.text())
def test_nothing_visible_is_obeyed(text: str) -> None:
    assert not OBEYED.search(escape(text, lines=True))
    assert not OBEYED.search(escape(text))
    assert "\n" not in escape(text)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "S"])))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


def test_bodies_keep_their_lines() -> None:
    assert escape("one\r\ntwo\tx\rthree", lines=True) == "one\ntwo\tx\\rthree"
    assert escape("one\r\ntwo\t") == r"one\r\ntwo\t"


@given(st.text())
def test_a_json_document_means_what_it_meant(text: str) -> None:
    document = json_safe(json.dumps({"name": text}, ensure_ascii=False))
    assert not OBEYED.search(document)
    assert json.loads(document) == {"name": text}


def test_wide_and_combining_characters_are_measured() -> None:
    assert width("abc") == 3
    assert width("日本") == 4
    assert width("e\u0301") == 1


def test_a_plain_table_is_aligned_and_whole() -> None:
    assert plain_table(["key", "subject"], [["日本", "x" * 500], ["a\nb", ""]]).splitlines() == [
        "key   subject",
        "日本  " + "x" * 500,
        r"a\nb",
    ]


def test_off_a_terminal_a_table_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    instant = datetime(2026, 3, 2, 9, 0, 59, tzinfo=timezone(timedelta(hours=-5)))
    show.table(["name", "at", "on", "type"], [[NASTY, instant, True, Channel.TEXT]], empty="none")
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "at", "on", "type"]
    assert row == f"{SHOWN}  2026-03-02 09:00-05:00  yes  text"


def test_a_table_without_rows_leaves_stdout_empty(capsys: pytest.CaptureFixture[str]) -> None:
    show.table(["name"], [], empty="no leads")
    assert capsys.readouterr() == ("", "no leads\n")


def test_on_a_terminal_lead_data_is_no_markup(terminal: Terminal) -> None:
    with terminal:
        show.table(["name", "note"], [[NASTY, None]], empty="none")
    assert SHOWN in terminal.seen


def test_on_a_terminal_a_long_value_goes_on_below(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    with terminal:
        show.table(["id", "subject"], [["1", "word" * 20]], empty="none")
    lines = terminal.seen.splitlines()
    assert max(map(len, lines)) <= 30
    assert "".join(line.replace("1", " ").strip() for line in lines[1:]) == "word" * 20


def test_a_json_document_holds_what_commands_know(capsys: pytest.CaptureFixture[str]) -> None:
    identity = UUID("00000000-0000-4000-8000-000000000001")
    instant = datetime(2026, 11, 1, 1, 30, tzinfo=UTC)
    show.json_document(
        {
            "row": Row(identity, instant),
            "day": date(2026, 3, 2),
            "whole": timedelta(hours=36),
            "part": timedelta(milliseconds=1500),
            "sum": Decimal(12),
            "share": Decimal("0.5"),
            "file": Path("a/b"),
            "channel": Channel.EMAIL,
            "lead": MappingProxyType({"name": "Zoë"}),
            "nothing": None,
        }
    )
    assert json.loads(capsys.readouterr().out) == {
        "row": {"id": str(identity), "at": "2026-11-01T01:30:00+00:00"},
        "day": "2026-03-02",
        "whole": 129600,
        "part": 1.5,
        "sum": 12,
        "share": 0.5,
        "file": "a/b",
        "channel": "email",
        "lead": {"name": "Zoë"},
        "nothing": None,
    }


def test_a_json_document_suits_the_encoding_of_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    show.json_document({"name": "Zoë"})
    narrow.seek(0)
    assert json.loads(narrow.read()) == {"name": "Zoë"}


@pytest.mark.parametrize("value", [datetime(2026, 3, 2), float("nan"), object()])  # noqa: DTZ001  # the point
def test_a_json_document_takes_nothing_ambiguous(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        show.json_document({"value": value})


def test_raw_output_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    show.raw("select '\x1b';")
    assert capsys.readouterr().out == "select '\x1b';"


def test_talk_and_warnings_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show.say(f"Hello {NASTY}")
    show.warn("old")
    assert capsys.readouterr() == ("", f"Hello {SHOWN}\nwarning: old\n")


@pytest.mark.parametrize("answer", ["y", "Y", "yes", " yes "])
def test_a_person_may_agree(terminal: Terminal, answer: str) -> None:
    with terminal:
        terminal.type(f"{answer}\n")
        show.confirm(f"cancel the messages of {NASTY}?", yes=False)
    assert f"cancel the messages of {SHOWN}? [y/N]" in terminal.seen


@pytest.mark.parametrize("answer", ["\n", "n\n", "yep\n", "\x04"])
def test_everything_else_is_a_no(terminal: Terminal, answer: str) -> None:
    with terminal:
        terminal.type(answer)
        with pytest.raises(NeedsAttention, match="nothing changed"):
            show.confirm("cancel 3 messages?", yes=False)


def test_progress_off_a_terminal_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = HandClock()
    with Progress(total=40, clock=clock) as progress:
        progress.advance({"sent": 9})
        clock.seconds = PLAIN_INTERVAL
        progress.advance({"sent": 1, "failed": 2, "held": 0})
        progress.advance({"sent": 5})
        clock.seconds = 2 * PLAIN_INTERVAL
        progress.advance({"sent": 1})
    assert capsys.readouterr() == ("", "sent 10, failed 2 of 40\nsent 16, failed 2 of 40\n")


@pytest.mark.parametrize(
    ("total", "text"), [(4, "sent 3, failed 1 of 4"), (None, "sent 3, failed 1")]
)
def test_progress_on_a_terminal_moves(terminal: Terminal, total: int | None, text: str) -> None:
    with terminal, Progress(total=total) as progress:
        progress.advance({"sent": 3, "failed": 1})
        show.say(f"above: {NASTY}")
    assert text in terminal.seen
    assert f"above: {SHOWN}" in terminal.seen
