"""Connections: kept, reused, lost, refused, and fewer than asked for."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flowctl.model import Outcome, OutcomeKind
from flowctl.transports.smtp import SmtpTransport
from flowctl.transports.smtp.timeouts import Timeouts
from tests.support.outgoing import Connect, MakeServer, an_email, send_to
from tests.support.smtp_server import PASSWORD, Move, SmtpServer
from tests.support.waiting import until

SHORT = Timeouts(connect=5, command=0.5, data=0.5, block=0.5, final=0.5)


NO_LAST_WORD = Timeouts(final=0.05)


LONG = Timeouts()


@pytest.mark.parametrize(("query", "connections"), [("", 3), ("?mails=25", 1), ("?mails=1", 25)])
def test_a_connection_is_reused_and_renewed_in_time(
    smtp: SmtpServer, connect: Connect, query: str, connections: int
) -> None:
    transport = connect(smtp, query)

    for _ in range(25):
        assert transport.send(an_email()).kind is OutcomeKind.ACCEPTED

    assert smtp.connections == connections
    assert len(smtp.mails) == 25


def test_many_threads_send_each_email_once(smtp: SmtpServer, connect: Connect) -> None:
    transport = connect(smtp, concurrency=8)
    recipients = [f"lead{n}@example.com" for n in range(80)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda to: transport.send(an_email(to)), recipients))

    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert sorted(mail.recipient for mail in smtp.mails) == sorted(recipients)
    assert all(mail.parsed["To"] == mail.recipient for mail in smtp.mails)
    assert smtp.most_open <= 8


@pytest.mark.parametrize("ending", ["drop", "hang"])
@pytest.mark.parametrize("at", ["connect", "ehlo"])
def test_a_server_that_takes_no_connection_stops_the_channel(
    smtp: SmtpServer, connect: Connect, at: Any, ending: Any
) -> None:
    smtp.script(Move(at, ending=ending))
    transport = connect(smtp, timeouts=SHORT if ending == "hang" else LONG)

    outcome = transport.send(an_email())

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert "cannot be reached" in outcome.detail
    assert transport.send(an_email()).kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("at", ["connect", "ehlo", "auth"])
def test_a_connection_that_opens_slowly_holds_up_no_other(
    serve: MakeServer, connect: Connect, at: Any
) -> None:
    smtp = serve(password=PASSWORD)
    transport = connect(smtp, concurrency=2)
    smtp.script(Move(at, ending="wait"))
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(transport.send, an_email("slow@example.com"))
        until(lambda: smtp.connections == 1)
        assert transport.send(an_email()).kind is OutcomeKind.ACCEPTED
        assert not slow.done()
        smtp.release()

    assert slow.result().kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("ending", ["drop", "hang"])
@pytest.mark.parametrize("at", ["mail", "rcpt", "data"])
def test_a_connection_lost_before_the_handover_is_tried_again_later(
    smtp: SmtpServer, connect: Connect, at: Any, ending: Any
) -> None:
    smtp.script(Move(at, ending=ending))
    transport = connect(smtp, timeouts=SHORT if ending == "hang" else LONG)

    outcome = transport.send(an_email())

    assert outcome.kind is OutcomeKind.DEFERRED
    assert ("timed out" in outcome.detail) == (ending == "hang")
    assert smtp.mails == []


@pytest.mark.parametrize("ending", ["drop", "hang"])
def test_a_message_that_could_not_be_written_to_its_end_is_tried_again_later(
    serve: MakeServer, connect: Connect, ending: Any
) -> None:
    smtp = serve(extensions=())
    smtp.script(Move("text", ending=ending))
    transport = connect(smtp, timeouts=SHORT if ending == "hang" else LONG)
    larger_than_any_buffer = "a line of text\n" * 1_000_000

    outcome = transport.send(an_email(text=larger_than_any_buffer))

    assert outcome.kind is OutcomeKind.DEFERRED
    assert smtp.mails == []


@pytest.mark.parametrize("accept", [True, False])
@pytest.mark.parametrize("ending", ["drop", "hang"])
def test_a_connection_lost_after_the_final_dot_is_unknown(
    smtp: SmtpServer, connect: Connect, ending: Any, accept: bool
) -> None:
    smtp.script(Move("dot", ending=ending, accept=accept))
    transport = connect(smtp, timeouts=NO_LAST_WORD if ending == "hang" else LONG)

    outcome = transport.send(an_email())

    assert outcome.kind is OutcomeKind.UNKNOWN
    until(lambda: len(smtp.mails) == accept)
    assert smtp.connections == 1


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


def test_a_server_that_is_not_there_stops_the_channel(smtp: SmtpServer, connect: Connect) -> None:
    transport = connect(smtp)
    smtp.close()

    outcome = transport.send(an_email())

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert outcome.detail == "the SMTP server cannot be reached: Connection refused"
    assert "SMTP_URL" in outcome.hint


@pytest.mark.parametrize("host", ["smtp.invalid", "a" * 70 + ".example.com"])
def test_a_host_that_does_not_exist_stops_the_channel(host: str) -> None:
    outcome = send_to(f"smtp://{host}:25?starttls=never")

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED


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
