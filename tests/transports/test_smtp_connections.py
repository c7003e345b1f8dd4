"""Connections: kept, reused, lost, refused, and fewer than asked for."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import pytest

from flowctl.model import Outcome, OutcomeKind, OutgoingMessage
from flowctl.transports.smtp import SmtpTransport
from tests.support.outgoing import Connect, MakeServer, an_email
from tests.support.smtp_moves import PASSWORD, Move
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until


@pytest.mark.parametrize(("query", "connections"), [("", 3), ("?mails=25", 1), ("?mails=1", 25)])
def test_a_connection_is_reused_and_renewed_in_time(
    smtp: SmtpServer, connect: Connect, query: str, connections: int
) -> None:
    transport = connect(smtp, query)

    for _ in range(25):
        assert transport.send(an_email()).kind is OutcomeKind.ACCEPTED

    assert smtp.connections == connections
    assert len(smtp.mails) == 25


def test_a_connection_that_has_served_its_time_is_ended_at_once(
    smtp: SmtpServer, connect: Connect
) -> None:
    transport = connect(smtp, "?mails=2")
    transport.send(an_email())
    transport.send(an_email())

    until(lambda: smtp.open_connections == 0)
    assert smtp.commands[-1] == "QUIT"
    assert transport.send(an_email()).kind is OutcomeKind.ACCEPTED


def test_many_threads_send_each_email_once(smtp: SmtpServer, connect: Connect) -> None:
    transport = connect(smtp, concurrency=8)
    recipients = [f"lead{n}@example.com" for n in range(80)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda to: transport.send(an_email(to)), recipients))

    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert sorted(mail.recipient for mail in smtp.mails) == sorted(recipients)
    assert all(mail.parsed["To"] == mail.recipient for mail in smtp.mails)
    assert smtp.most_open <= 8


@pytest.mark.parametrize("at", ["connect", "ehlo", "auth"])
def test_a_connection_that_opens_slowly_holds_up_no_other(
    serve: MakeServer, connect: Connect, at: Any
) -> None:
    smtp = serve(password=PASSWORD)
    transport = connect(smtp, concurrency=2)
    smtp.script(Move(at, ending="wait"))
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(transport.send, an_email("slow@example.com"))
        smtp.waiting.wait()  # else the next one might be the one that waits
        assert transport.send(an_email()).kind is OutcomeKind.ACCEPTED
        assert not slow.done()
        smtp.release()

    assert slow.result().kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize(
    "goodbye", [Move("after", ending="drop"), Move("after", "421 4.4.2 idle", "drop")]
)
def test_a_kept_connection_that_was_closed_is_replaced_without_an_attempt(
    smtp: SmtpServer, connect: Connect, goodbye: Move
) -> None:
    transport = connect(smtp)
    smtp.script(goodbye)

    kinds = [transport.send(an_email()).kind for _ in range(3)]

    assert kinds == [OutcomeKind.ACCEPTED] * 3
    assert len(smtp.mails) == 3
    assert smtp.connections == 2


def test_a_kept_connection_is_refused_once_and_then_trusted_again(
    smtp: SmtpServer, connect: Connect
) -> None:
    transport = connect(smtp)
    smtp.script(Move("rcpt", "550 5.1.1 no", recipient="gone@example.com"))

    kinds = [transport.send(an_email(to)).kind for to in ("a@example.com", "gone@example.com")]
    kinds.append(transport.send(an_email("b@example.com")).kind)

    assert kinds == [OutcomeKind.ACCEPTED, OutcomeKind.SUPPRESSED, OutcomeKind.ACCEPTED]
    assert smtp.connections == 1
    assert "RSET" in smtp.commands


def send_all(transport: SmtpTransport, count: int, threads: int) -> list[Outcome]:
    """Send as many emails, as many at once as there are threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda n: transport.send(an_email(f"{n}@example.com")), range(count)))


@pytest.mark.parametrize("most", [1, 5])
def test_fewer_connections_are_used_where_the_server_takes_no_more(
    serve: MakeServer, connect: Connect, most: int
) -> None:
    smtp = serve(most_connections=most)

    outcomes = send_all(connect(smtp, concurrency=10), count=120, threads=10)

    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert smtp.most_open == most


@pytest.mark.parametrize(
    "rule",
    [
        Move("connect", "421 4.7.0 Too many connections", "drop"),
        Move("mail", "432 4.3.2 Concurrent connections limit exceeded"),
        Move("auth", "454 4.7.0 Too many login attempts"),
    ],
)
def test_a_connection_too_many_is_no_attempt(
    serve: MakeServer, connect: Connect, rule: Move
) -> None:
    smtp = serve(password=PASSWORD)
    transport = connect(smtp, "?mails=1000")
    smtp.script(Move("dot", ending="wait", accept=True))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(transport.send, an_email("first@example.com"))
        until(lambda: len(smtp.mails) == 1)
        smtp.script(rule)
        second = pool.submit(transport.send, an_email("second@example.com"))
        until(lambda: smtp.connections == 2)
        smtp.release()

    assert (first.result().kind, second.result().kind) == (OutcomeKind.ACCEPTED,) * 2
    assert smtp.connections == 2


def test_all_who_wait_hear_that_the_server_went_away(smtp: SmtpServer, connect: Connect) -> None:
    transport = connect(smtp, concurrency=1)
    smtp.script(Move("connect", "421 4.3.2 no", "drop", is_rule=True))

    outcomes = send_all(transport, count=10, threads=10)

    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.CHANNEL_STOPPED}


def test_a_server_that_takes_no_connection_is_asked_once_for_all_who_wait(
    smtp: SmtpServer, connect: Connect
) -> None:
    transport = connect(smtp, concurrency=1)
    smtp.script(Move("connect", "421 4.3.2 no", "drop", is_rule=True))
    answers: SimpleQueue[OutcomeKind] = SimpleQueue()

    def take(given: Sequence[tuple[OutgoingMessage, Outcome]]) -> None:
        for _, outcome in given:
            answers.put(outcome.kind)

    transport.hand_over([transport.prepare(an_email()) for _ in range(10)], take)

    assert {answers.get() for _ in range(10)} == {OutcomeKind.CHANNEL_STOPPED}
    assert smtp.connections == 1


def test_a_server_that_was_away_is_asked_for_all_connections_again(
    smtp: SmtpServer, connect: Connect
) -> None:
    transport = connect(smtp, concurrency=4)
    smtp.script(Move("connect", "421 4.3.2 no", "drop", is_rule=True))
    send_all(transport, count=4, threads=4)
    smtp.forget_moves()
    smtp.script(Move("dot", ending="wait", accept=True, is_rule=True))
    with ThreadPoolExecutor(4) as pool:
        outcomes = [pool.submit(transport.send, an_email()) for _ in range(4)]
        until(lambda: smtp.open_connections == 4)
        smtp.release()

    assert {outcome.result().kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


def test_a_stop_leaves_alone_what_waits_for_a_connection(
    smtp: SmtpServer, connect: Connect
) -> None:
    transport = connect(smtp, concurrency=1)
    smtp.script(Move("dot", ending="wait", accept=True))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(transport.send, an_email("first@example.com"))
        until(lambda: len(smtp.mails) == 1)
        second = pool.submit(transport.send, an_email("second@example.com"))
        transport.stop()

        assert second.result().kind is OutcomeKind.NOT_TRIED
        smtp.release()
        assert first.result().kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("limits", [{"most_mails": 7}, {"most_resets": 3}])
def test_a_connection_that_is_used_up_is_replaced_without_an_attempt(
    serve: MakeServer, connect: Connect, limits: dict[str, int]
) -> None:
    smtp = serve(**limits)
    transport = connect(smtp, "?mails=1000")
    smtp.script(Move("rcpt", "550 5.1.1 no", recipient="gone@example.com", is_rule=True))

    for _ in range(20):
        assert transport.send(an_email("gone@example.com")).kind is OutcomeKind.SUPPRESSED
        assert transport.send(an_email()).kind is OutcomeKind.ACCEPTED


def test_a_connection_is_renewed_before_it_is_reset_too_often(
    smtp: SmtpServer, connect: Connect
) -> None:
    """Exim ends a connection after a few RSETs."""
    transport = connect(smtp, "?mails=1000")
    smtp.script(Move("rcpt", "550 5.1.1 no", is_rule=True))

    for _ in range(20):
        assert transport.send(an_email()).kind is OutcomeKind.SUPPRESSED

    assert smtp.connections == 5
    assert smtp.commands.count("RSET") == 15


@pytest.mark.parametrize(
    ("at", "reply"),
    [
        ("mail", "452 4.5.3 Too many recipients: Too many messages sent"),
        ("mail", "451 4.3.0 later"),
        ("mail", "550 5.7.0 enough"),
        ("mail", "421 4.7.0 too many messages"),
        ("rcpt", "421 4.7.0 Error: too many errors"),
        ("rcpt", "452 4.5.3 Error: too many recipients"),
    ],
)
def test_a_kept_connection_that_is_refused_is_tried_once_more_on_a_new_one(
    smtp: SmtpServer, connect: Connect, at: Any, reply: str
) -> None:
    transport = connect(smtp)
    transport.send(an_email())
    smtp.script(Move(at, reply))

    assert transport.send(an_email()).kind is OutcomeKind.ACCEPTED
    assert smtp.connections == 2

    smtp.script(Move(at, reply), Move(at, reply))
    assert transport.send(an_email()).kind is not OutcomeKind.ACCEPTED
