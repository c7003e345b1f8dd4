"""The server's name: how often it is asked for, and which of its addresses is used."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from flowctl.model import OutcomeKind
from tests.support.outgoing import Connect, MakeServer, an_email
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until

ALREADY_CLOSED = 1
"""A port on which nobody listens."""


class Resolver:
    """The system's own, which counts; ``first`` is put before what it finds."""

    def __init__(self, ask: Callable[..., list[Any]]) -> None:
        self._ask = ask
        self.asked = 0
        self.first: list[Any] = []

    def __call__(self, host: str, port: int, **options: Any) -> list[Any]:
        self.asked += 1
        return [*self.first, *self._ask(host, port, **options)]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    resolver = Resolver(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return resolver


def test_a_name_is_asked_for_once(smtp: SmtpServer, connect: Connect, resolver: Resolver) -> None:
    transport = connect(smtp, "?mails=1")

    kinds = {transport.send(an_email()).kind for _ in range(5)}

    assert kinds == {OutcomeKind.ACCEPTED}
    assert (smtp.connections, resolver.asked) == (5, 1)


def test_a_name_of_which_no_address_answers_is_asked_for_again(
    serve: MakeServer, connect: Connect, resolver: Resolver
) -> None:
    smtp = serve()
    transport = connect(smtp)
    smtp.close()

    kinds = {transport.send(an_email()).kind for _ in range(2)}

    assert kinds == {OutcomeKind.CHANNEL_STOPPED}
    assert resolver.asked == 2


def test_the_first_address_that_answers_is_used(
    smtp: SmtpServer, connect: Connect, resolver: Resolver
) -> None:
    family, kind, protocol = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    resolver.first = [(family, kind, protocol, "", ("127.0.0.1", ALREADY_CLOSED))]

    assert connect(smtp).send(an_email()).kind is OutcomeKind.ACCEPTED


def test_who_waits_for_the_same_name_hears_the_same_answer(
    smtp: SmtpServer, connect: Connect, resolver: Resolver
) -> None:
    transport = connect(smtp, concurrency=3)
    heard: list[OutcomeKind] = []
    messages = [an_email(f"{n}@example.com") for n in range(3)]

    transport.hand_over(
        list(map(transport.prepare, messages)), lambda given: heard.extend(o.kind for _, o in given)
    )
    until(lambda: len(heard) == len(messages))
    assert set(heard) == {OutcomeKind.ACCEPTED}
    assert resolver.asked == 1
