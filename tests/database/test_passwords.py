"""No part of a password is shown, whatever is wrong with the setting that holds it."""

import os
import traceback

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from flowctl.cli.session import Session, open_database
from flowctl.errors import DatabaseUnavailable, FlowctlError, InputError
from flowctl.settings import Settings

PIECE = st.text("QXZJKVW", min_size=4, max_size=8)
"""A part of a password; no word of ours, of Python's or of libpq's has such a part."""

HOSTILE = st.sampled_from(
    ["%", "%zz", "%4", "@", "/", "#", "?", ":", "[", "]", "&", "=", "+", " ", "'", '"', "\\", ",",
     ";", "$", "\t", "\n", "\x00", "\x7f", "ü", "€", "\ud800", "%00", "%ff", "://", "?sslmode=",
     "&port=", "@[", "..", "@/"]
)  # fmt: skip


@st.composite
def passwords(draw: st.DrawFn) -> tuple[str, tuple[str, ...]]:
    """A password as somebody pastes it, and the parts of it that nobody may see."""
    pieces = draw(st.lists(PIECE, min_size=1, max_size=4))
    text = pieces[0]
    for piece in pieces[1:]:
        text += draw(HOSTILE) + piece
    return draw(st.sampled_from(["", "/", "@", "%"])) + text, tuple(pieces)


NOWHERE = {"PGHOSTADDR": "127.0.0.1", "PGPORT": "1", "PGCONNECT_TIMEOUT": "2"}
"""Whatever a broken URL names as its host, nothing but a closed port of loopback is asked."""


def debug_output(database_url: str) -> str:
    """Everything that is told of a failed connection, with --debug."""
    command = typer.main.get_command(typer.Typer(callback=lambda: None))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NOWHERE.items():
            patch.setenv(name, value)
        ctx = typer.Context(command, obj=Session({**os.environ, "DATABASE_URL": database_url}))
        with pytest.raises(FlowctlError) as caught, open_database(ctx):
            pass
    assert isinstance(caught.value, InputError | DatabaseUnavailable)
    return "".join(traceback.format_exception(caught.value)) + caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:{}@127.0.0.1:1/crm",
        "postgres://ada:{}@127.0.0.1:1/crm?sslmode=require",
        "host=127.0.0.1 port=1 user=ada password={}",
        "host=127.0.0.1 port=1 password='{}'",
        "postgresql://127.0.0.1:1/crm?user=ada&password={}",
        "{}",
    ],
)
@given(password=passwords())
def test_no_part_of_a_database_password_is_told(
    url: str, password: tuple[str, tuple[str, ...]]
) -> None:
    text, pieces = password
    output = debug_output(url.replace("{}", text))
    assert not [piece for piece in pieces if piece in output]


@pytest.mark.parametrize(
    "url",
    [
        "smtps://ada:{}@smtp.example.com:465",
        "smtp://ada:{}@smtp.example.com:587?starttls=never",
        "smtp://ada:{}@smtp.example.com",
        "{}",
    ],
)
@given(password=passwords())
def test_no_part_of_a_mail_password_is_told(
    url: str, password: tuple[str, tuple[str, ...]]
) -> None:
    text, pieces = password
    try:
        settings = Settings.from_env({"SMTP_URL": url.replace("{}", text), "EMAIL_FROM": "a@b.io"})
    except InputError as error:
        output = "".join(traceback.format_exception(error)) + error.hint
    else:
        output = repr(settings.smtp and settings.smtp.password)
    assert not [piece for piece in pieces if piece in output]
