"""Providers that fail in every way there is: each message ends recorded, accepted at most once."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest

from flowctl.clock import SystemClock
from flowctl.database import open_connection
from flowctl.dispatch.channel import ChannelState
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.options import Options
from flowctl.model import Channel
from flowctl.settings import Settings
from flowctl.transports.smtp import SmtpTransport
from flowctl.transports.smtp.timeouts import Timeouts
from flowctl.transports.twilio import TwilioTransport
from flowctl.transports.twilio.http import HttpTimeouts
from tests.support.dispatching import RUN_IDS
from tests.support.factories import a_lead, a_step, messages
from tests.support.invariants import let_leases_pass, let_retries_come, pending
from tests.support.postgres import Connection
from tests.support.smtp_moves import Move
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_answers import Answer, page, refuse
from tests.support.twilio_server import TwilioServer

LEADS = 4
SOON = 0.3
"""Seconds that a provider is waited for."""


def text_channel(twilio: TwilioServer) -> ChannelState:
    settings = Settings.from_env(twilio.environ).twilio
    assert settings is not None
    transport = TwilioTransport(settings, timeouts=HttpTimeouts(connect=SOON, read=SOON))
    return ChannelState(Channel.TEXT, transport, "twilio", lookup=transport)


def email_channel(smtp: SmtpServer) -> ChannelState:
    settings = Settings.from_env({"SMTP_URL": smtp.url(), "EMAIL_FROM": "news@acme.example"})
    assert settings.smtp is not None
    timeouts = Timeouts(connect=SOON, command=SOON, data=SOON, block=SOON, final=SOON)
    transport = SmtpTransport(settings.smtp, settings.email, concurrency=LEADS, timeouts=timeouts)
    return ChannelState(Channel.EMAIL, transport, "smtp")


def dispatch_until_quiet(
    database: str, conn: Connection, make_channel: Callable[[], ChannelState]
) -> None:
    """Passes, and the times that lie between them, until every message has its outcome."""
    for _ in range(8):
        state = make_channel()
        Dispatcher(
            lambda: open_connection(database),
            [state],
            Settings.from_env({}),
            Options(concurrency=2),
            run_id=UUID(int=next(RUN_IDS)),
            clock=SystemClock(),
            random=Random(1),  # noqa: S311 - jitter
            observer=lambda _: None,
        ).run_once()
        state.transport.close()
        if not pending(conn):
            return
        let_retries_come(conn)
        let_leases_pass(conn)
    raise AssertionError(f"still pending: {messages(conn, 'status', 'error_message')}")


GARBAGE = Answer(accept=False, status=200, raw="}{ \x01 garbage")

TEXT_FAULTS = {
    "dropped before": (Answer(accept=False, ending="drop"), "sent"),
    "dropped after": (Answer(ending="drop"), "sent"),
    "hangs before": (Answer(accept=False, ending="hang"), "sent"),
    "hangs after": (Answer(ending="hang"), "sent"),
    "cut before": (replace(GARBAGE, ending="cut"), "sent"),
    "cut after": (Answer(ending="cut"), "sent"),
    "too many": (refuse(20429, 429, "slow down", Retry_After="7"), "sent"),
    "busy": (refuse(None, 503), "sent"),
    "error before": (refuse(None, 500), "sent"),
    "error after": (replace(refuse(None, 500), accept=True), "sent"),
    "garbage": (GARBAGE, "sent"),
    "garbage after": (replace(GARBAGE, accept=True), "sent"),
    "a page": (page(200), "sent"),
    "a page after": (page(200, accept=True), "sent"),
    "a proxy": (page(502), "sent"),
    "a proxy after": (page(504, accept=True), "sent"),
    "refused": (refuse(21211), "failed"),
    "opted out": (refuse(21610), "failed"),
}


@pytest.mark.parametrize("fault", TEXT_FAULTS)
def test_a_text_ends_recorded_and_accepted_once(
    database: str, conn: Connection, twilio: TwilioServer, fault: str
) -> None:
    answer, ends = TEXT_FAULTS[fault]
    a_step(conn, type="text", content="text for {{ id }}")
    for number in range(LEADS):
        a_lead(conn, phone=f"+1415200000{number}")
    twilio.script(answer, number="+14152000001")
    dispatch_until_quiet(database, conn, lambda: text_channel(twilio))
    bodies = sorted(text.body for text in twilio.accepted)
    by_recipient = {
        recipient: (status, provider_id, f"text for {lead_id}")
        for recipient, status, provider_id, lead_id in messages(
            conn, "recipient", "status", "provider_id", "lead_id"
        )
    }
    assert {r: status for r, (status, _, _) in by_recipient.items()} == {
        f"+1415200000{number}": ends if number == 1 else "sent" for number in range(LEADS)
    }
    sent = [row for row in by_recipient.values() if row[0] == "sent"]
    assert bodies == sorted(body for _, _, body in sent)
    assert {text.sid: text.body for text in twilio.accepted} == {sid: b for _, sid, b in sent}


BEFORE: tuple[Move, ...] = tuple(
    Move(stage, ending=ending)
    for stage in ("connect", "ehlo", "mail", "rcpt", "data")
    for ending in ("drop", "hang")
)  # fmt: skip
REFUSING = tuple(Move(stage, reply="451 4.3.0 later") for stage in ("mail", "rcpt", "data", "dot"))
LOST = tuple(
    # a message so short is on its way as a whole before the server can do anything about it
    Move("text", ending=ending)
    for ending in ("drop", "hang")
) + tuple(
    Move("dot", ending=ending, accept=accept, reply=reply)
    for ending in ("drop", "hang")
    for accept in (False, True)
    for reply in (None, "250-2.0.0 half")
)
GARBAGE_REPLY = tuple(
    Move("dot", reply=reply, accept=True, ending="drop")
    for reply in ("", "<html>", "\x00\xff", "2", "999 what")
)


def _name(move: Move) -> str:
    said = "" if move.reply is None else f" {move.reply[:12]!r}"
    return f"{move.at} {move.ending}{said}{' accepted' if move.accept else ''}"


@pytest.mark.parametrize("move", BEFORE + REFUSING, ids=_name)
def test_an_email_that_was_not_handed_over_is_sent_later(
    database: str, conn: Connection, smtp: SmtpServer, move: Move
) -> None:
    ids = emails_of(database, conn, smtp, move)
    assert {m[0] for m in messages(conn, "status")} == {"sent"}
    assert sorted(ids) == sorted(str(m[0]) for m in messages(conn, "provider_id"))


@pytest.mark.parametrize("move", LOST + GARBAGE_REPLY, ids=_name)
def test_an_email_without_an_answer_is_never_sent_again(
    database: str, conn: Connection, smtp: SmtpServer, move: Move
) -> None:
    ids = emails_of(database, conn, smtp, move)
    assert len(ids) == len(set(ids)) == LEADS - 1 + move.accept
    assert sorted(m[0] for m in messages(conn, "status")) == ["failed"] + ["sent"] * (LEADS - 1)
    (error,) = (m[0] for m in messages(conn, "error_message") if m[0])
    assert error.startswith("unknown outcome: ")


def emails_of(database: str, conn: Connection, smtp: SmtpServer, move: Move) -> list[str]:
    """The Message-IDs of what was accepted from a server that makes a move once."""
    a_step(conn)
    for number in range(LEADS):
        a_lead(conn, email=f"lead-{number}@example.com")
    smtp.script(move)
    dispatch_until_quiet(database, conn, lambda: email_channel(smtp))
    return [str(mail.parsed["Message-ID"]) for mail in smtp.mails]
