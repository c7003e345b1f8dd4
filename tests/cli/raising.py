"""Commands that end in every way a command can end, for the tests of the frame around them."""

import errno
import os
import signal
import threading
from pathlib import Path

import typer

from flowctl import errors
from flowctl.cli import show
from flowctl.cli.options import Yes, command_group

MARKER = "hunter2"
"""Stands for a secret in the text of an exception."""


def register(app: typer.Typer) -> None:
    """Add the group ``end``."""
    app.add_typer(group, name="end")


group = command_group("End in some way.")


@group.command()
def expected(name: str) -> None:
    """Raise the error of that name."""
    raise getattr(errors, name)("what\x1b[2J and where", hint="what to do", details=("one", "two"))


@group.command()
def bug() -> None:
    """Raise what nobody foresaw."""
    raise KeyError(MARKER)


@group.command()
def missing_file() -> None:
    """Open a file that is not there."""
    Path("no-such-folder/file.toml").read_text(encoding="utf-8")


@group.command()
def other_pipe() -> None:
    """Lose a pipe that is not our output."""
    raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


@group.command()
def interrupted() -> None:
    """Be interrupted as by Ctrl-C."""
    # a background job may have been started with the signal ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


@group.command()
def attention() -> None:
    """End with a status and no further words."""
    raise typer.Exit(1)


@group.command()
def flood() -> None:
    """Write more than any pipe holds."""
    for number in range(100_000):
        show.line(f"line {number}")


@group.command()
def few() -> None:
    """Write so little that it waits in the buffer until the end."""
    show.line("one line")


@group.command()
def talk() -> None:
    """Talk on, then deliver."""
    for number in range(100_000):
        show.say(f"line {number}")
    show.line("done")


@group.command()
def ask(yes: Yes = False) -> None:
    """Ask, then say that it was done."""
    show.confirm("shall it be done?", yes=yes)
    show.line("done")


@group.command()
def wait() -> None:
    """Say that it has begun, and wait for a signal."""
    try:
        show.line("begun")
        show.flush()
        threading.Event().wait()
    finally:
        show.say("cleaned up")


RAISING = [__name__]
"""The frame around commands made for these tests."""
