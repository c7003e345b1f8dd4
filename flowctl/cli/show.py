"""What people and programs see: data on stdout, talk on stderr, nothing that a terminal would obey.

Whatever comes from outside (leads, steps, providers) may be passed as it is: it is never read as
markup, and control characters are written out. Off a terminal tables are plain text with every
value whole. The streams are looked up at each call, so that a caller may replace them.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import RawIOBase, TextIOWrapper
from pathlib import Path
from typing import TextIO
from uuid import UUID

from flowctl.cli.tables import plain_table
from flowctl.errors import FlowctlError, InputError, NeedsAttention
from flowctl.text import escape, json_safe

_held: list[str] = []


class ReaderGone(Exception):
    """Whoever read our output closed it (``| head``): end quietly."""


def line(text: str = "") -> None:
    """A line of data on stdout; its line feeds stay, other control characters are written out."""
    _write(escape(text, lines=True) + "\n")


def styled(text: str, style: str) -> None:
    """A line of data as ``line`` writes it; on a terminal in this colour."""
    if sys.stdout.isatty():
        from flowctl.cli.terminal import print_styled

        with _data():
            print_styled(escape(text, lines=True), style, sys.stdout)
    else:
        line(text)


def raw(text: str) -> None:
    """``text`` on stdout to the byte, for what a program reads: SQL, a steps file."""
    _write(text)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table on stdout; without rows ``empty`` is said on stderr, and stdout stays empty."""
    cells = [tuple(cell(value) for value in row) for row in rows]
    if not cells:
        say(empty)
    elif sys.stdout.isatty():
        from flowctl.cli.terminal import print_table

        with _data():
            print_table(columns, cells, sys.stdout)
    else:
        _write(plain_table(columns, cells) + "\n")


def cell(value: object) -> str:
    """A value as people read it: nothing for null, yes and no, times to the minute with offset."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(sep=" ", timespec="minutes")
        case _:
            return str(value)


def short_time(timestamp: datetime) -> str:
    """A timestamp on its own clock, short enough for a table: ``2026-03-02 15:00``."""
    return f"{timestamp:%Y-%m-%d %H:%M}"


def json_document(document: object) -> None:
    """The one JSON document of a command with ``--json``.

    Timestamps are ISO 8601 with their offset (one without is a bug and raises ``ValueError``), ids
    are strings, durations are seconds, dataclasses and mappings are objects.
    """
    ascii_only = sys.stdout.encoding.lower() not in {"utf-8", "utf8"}
    text = json.dumps(
        document, default=_json_value, indent=2, ensure_ascii=ascii_only, allow_nan=False
    )
    _write(json_safe(text) + "\n")


def say(text: str) -> None:
    """Talk on stderr: what is being done, which database is used."""
    _to_stderr(escape(text, lines=True) + "\n")


def is_unattended() -> bool:
    """Whether nobody watches: what is said goes to a log, or is mailed."""
    return not (sys.stdout.isatty() or sys.stderr.isatty())


def hold(text: str) -> None:
    """Say it before whatever else is said on stderr; where nothing is, it is not said either."""
    _held.append(escape(text, lines=True) + "\n")


def release() -> None:
    """Forget what is held: a new command begins."""
    _held.clear()


def warn(text: str) -> None:
    """Something on stderr that does not stop the command but should be read."""
    say(f"warning: {text}")


def failure(error: FlowctlError) -> None:
    """An error on stderr: what and where, further lines of the same kind, and what to do."""
    say(f"error: {escape(error.message)}")
    for detail in error.details:
        say(f"  {escape(detail)}")
    if error.hint:
        say(f"hint: {escape(error.hint)}")


def confirm(question: str, *, yes: bool) -> None:
    """Return if ``yes`` or if the person at the terminal agrees; else raise NeedsAttention.

    Nothing may have been changed before. Without a terminal nobody can be asked, which is a no.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NeedsAttention(
            f"cannot prompt without a terminal; nothing changed: {question}", hint="pass --yes"
        )
    if ask(f"{question} [y/N]") not in {"y", "yes"}:
        raise NeedsAttention("not confirmed; nothing changed", hint="answer y")


def ask(question: str) -> str:
    """The answer of the person at the terminal, in lower case; ask only where there is one."""
    _to_stderr(f"{escape(question)} ")
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):  # Ctrl-D: what follows begins on a line of its own
        _to_stderr("\n")
    return answer.strip().lower()


def flush() -> None:
    """Hand over what stdout still holds; raises as the writing functions do."""
    with _data():
        sys.stdout.flush()


def escape_what_cannot_be_shown() -> None:
    """Write characters that the encoding of stdout lacks as escapes instead of failing."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _data() -> Iterator[None]:
    """Data that cannot be delivered ends the command; what stdout still holds of it is dropped."""
    try:
        yield
    except BrokenPipeError as error:
        _abandon(sys.stdout)
        raise ReaderGone from error
    except OSError as error:
        _abandon(sys.stdout)
        raise InputError(
            f"cannot write the output: {(error.strerror or str(error)).lower()}",
            hint="check where the output goes",
        ) from error


def _write(text: str) -> None:
    with _data():
        raw = getattr(sys.stdout, "buffer", None)
        if isinstance(raw, RawIOBase):
            # Unbuffered (PYTHONUNBUFFERED): such a stream drops what one write does not take.
            sys.stdout.flush()
            left = memoryview(text.encode(sys.stdout.encoding, sys.stdout.errors or "strict"))
            while left:
                left = left[raw.write(left) or 0 :]
        else:
            sys.stdout.write(text)


def _to_stderr(text: str) -> None:
    try:
        sys.stderr.write("".join(_held) + text)
        _held.clear()
        sys.stderr.flush()
    except OSError:  # nobody listens, and that is no reason to stop sending messages
        _abandon(sys.stderr)


def _abandon(stream: TextIO) -> None:
    """Let nothing more come of ``stream``, not even what the interpreter flushes at its exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def _json_value(value: object) -> object:
    match value:
        case datetime() if value.tzinfo is None:
            raise ValueError(f"a timestamp without an offset in a JSON document: {value}")
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return _number(Decimal(value // timedelta(microseconds=1)) / 1_000_000)
        case Decimal():
            return _number(value)
        case UUID() | Path():
            return str(value)
        case Mapping():
            return dict(value)
        case _ if is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in fields(value)}
        case _:
            raise TypeError(f"no JSON form for {type(value).__name__}")


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
