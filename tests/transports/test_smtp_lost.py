"""Connections to a mail server that is not there, or goes away in the middle."""

from typing import Any

import pytest

from flowctl.model import OutcomeKind
from flowctl.transports.smtp.timeouts import Timeouts
from tests.support.outgoing import Connect, MakeServer, an_email, send_to
from tests.support.smtp_moves import Move
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until

SHORT = Timeouts(connect=5, command=0.5, data=0.5, block=0.5, final=0.5)


NO_LAST_WORD = Timeouts(final=0.05)


LONG = Timeouts()


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


def test_an_answer_that_comes_too_late_is_not_taken_for_that_to_the_next_message(
    smtp: SmtpServer, connect: Connect
) -> None:
    smtp.script(Move("dot", ending="wait", accept=True))
    transport = connect(smtp, timeouts=Timeouts(final=1), concurrency=1)
    assert transport.send(an_email()).kind is OutcomeKind.UNKNOWN
    smtp.release()

    outcome = transport.send(an_email("bob@example.com"))

    assert outcome.kind is OutcomeKind.ACCEPTED
    assert smtp.connections == 2
    assert {mail.recipient for mail in smtp.mails} == {"ada@example.com", "bob@example.com"}


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
