"""MAIL, RCPT and DATA written together (RFC 2920), and what a server may answer to that."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest

from flowctl.model import OutcomeKind
from flowctl.settings import Settings
from flowctl.transports.smtp import SmtpTransport
from flowctl.transports.smtp.timeouts import Timeouts
from tests.support.outgoing import an_email
from tests.support.smtp_moves import Move
from tests.support.smtp_server import EXTENSIONS, SmtpServer

SHORT = Timeouts(command=0.5, data=0.5)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connected(stack: ExitStack, url: str, timeouts: Timeouts | None = None) -> SmtpTransport:
    settings = Settings.from_env({"SMTP_URL": url, "EMAIL_FROM": "news@acme.example"})
    assert settings.smtp is not None
    transport = SmtpTransport(settings.smtp, settings.email, concurrency=1, timeouts=timeouts)
    stack.callback(transport.close)
    return transport


def heard_before_a_reply(listener: socket.socket, offer: bytes, enough: bytes) -> bytes:
    """What a server hears after EHLO while it answers nothing."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(5)
        connection.sendall(b"220 test\r\n")
        connection.recv(4096)
        connection.sendall(b"250-test\r\n250 " + offer + b"\r\n")
        heard = b""
        while enough not in heard and (chunk := connection.recv(4096)):
            heard += chunk
        return heard


@pytest.mark.parametrize(
    ("offer", "enough", "commands"),
    [(b"PIPELINING", b"DATA\r\n", ["MAIL", "RCPT", "DATA"]), (b"8BITMIME", b"\r\n", ["MAIL"])],
)
def test_commands_are_written_together_where_that_is_offered(
    stack: ExitStack, offer: bytes, enough: bytes, commands: list[str]
) -> None:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    heard: list[bytes] = []
    server = Thread(
        target=lambda: heard.append(heard_before_a_reply(listener, offer, enough)), daemon=True
    )
    server.start()
    port = listener.getsockname()[1]

    outcome = connected(stack, f"smtp://127.0.0.1:{port}").send(an_email())

    server.join()
    assert outcome.kind is OutcomeKind.DEFERRED
    assert [line[:4].decode() for line in heard[0].splitlines()] == commands


@pytest.mark.parametrize(("at", "expected"), [("mail", "mail"), ("rcpt", "rcpt")])
@pytest.mark.parametrize("is_hasty", [True, False])
def test_a_refused_command_leaves_the_connection_in_step(
    stack: ExitStack, at: Any, expected: str, *, is_hasty: bool
) -> None:
    smtp = stack.enter_context(SmtpServer(is_hasty=is_hasty))
    smtp.script(Move(at, f"550 5.7.1 {expected} refused"))
    transport = connected(stack, smtp.url())
    transport.send(an_email("first@example.com"))
    smtp.script(Move("rcpt", "550 5.1.1 nobody", recipient="nobody@example.com"))

    refused = transport.send(an_email("nobody@example.com"))
    following = transport.send(an_email("next@example.com"))

    assert (refused.kind, refused.code) == (OutcomeKind.SUPPRESSED, "550 5.1.1")
    assert following.kind is OutcomeKind.ACCEPTED
    assert smtp.connections == 1
    assert [mail.recipient for mail in smtp.mails] == ["next@example.com"]
    assert not any(smtp.to_nobody)
    assert bool(smtp.to_nobody) == is_hasty


@pytest.mark.parametrize("ending", ["drop", "hang"])
def test_a_refusal_stands_whatever_happens_to_the_connection_after_it(
    stack: ExitStack, ending: Any
) -> None:
    smtp = stack.enter_context(SmtpServer())
    smtp.script(Move("rcpt", "550 5.1.1 nobody", ending))
    transport = connected(stack, smtp.url(), SHORT)

    refused = transport.send(an_email())
    following = transport.send(an_email("next@example.com"))

    assert refused.kind is OutcomeKind.SUPPRESSED
    assert following.kind is OutcomeKind.ACCEPTED
    assert [mail.recipient for mail in smtp.mails] == ["next@example.com"]


def test_a_server_that_ends_after_its_reply_to_mail_is_asked_on_a_new_connection(
    stack: ExitStack,
) -> None:
    smtp = stack.enter_context(SmtpServer(extensions=EXTENSIONS))
    transport = connected(stack, smtp.url())
    transport.send(an_email("first@example.com"))
    smtp.script(Move("mail", "421 4.3.2 too long here", "drop"))

    assert transport.send(an_email("next@example.com")).kind is OutcomeKind.ACCEPTED
    assert [mail.recipient for mail in smtp.mails] == ["first@example.com", "next@example.com"]
