"""The real SMTP client against a real server that refuses, drops and hangs at every stage."""

from typing import Any

import pytest

from flowctl.model import OutcomeKind
from flowctl.settings import Settings
from flowctl.transports.smtp import SmtpTransport
from tests.support.outgoing import AN_ID, Connect, MakeServer, an_email
from tests.support.smtp_moves import Move
from tests.support.smtp_server import SmtpServer


def test_an_email_is_accepted_under_its_own_message_id(smtp: SmtpServer, connect: Connect) -> None:
    outcome = connect(smtp).send(an_email())

    (mail,) = smtp.mails
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.provider_id == f"<{AN_ID}@acme.example>" == mail.parsed["Message-ID"]
    assert (outcome.code, outcome.detail) == ("250 2.0.0", "queued as 42")
    assert (mail.sender, mail.recipient) == ("news@acme.example", "ada@example.com")
    assert mail.parsed["To"] == "ada@example.com"
    assert mail.parsed.get_content().splitlines() == ["Hello Ada,", "welcome."]


def test_a_flow_has_a_sender_and_a_return_path_of_its_own(
    smtp: SmtpServer, connect: Connect
) -> None:
    transport = connect(smtp)
    transport.send(an_email(sender={"email_from": "Ana <ana@flow.example>"}))
    transport.send(an_email(sender={"return_path": "bounces+{message_id}@flow.example"}))
    transport.send(an_email())

    assert [(mail.sender, mail.parsed["From"]) for mail in smtp.mails] == [
        ("ana@flow.example", "Ana <ana@flow.example>"),
        (f"bounces+{AN_ID}@flow.example", "Acme <news@acme.example>"),
        ("news@acme.example", "Acme <news@acme.example>"),
    ]


def test_where_reports_can_be_asked_for_they_are(serve: MakeServer, connect: Connect) -> None:
    with_dsn, without = serve(extensions=("DSN",)), serve(extensions=())
    for server in (with_dsn, without):
        connect(server).send(an_email())
    (asked,), (plain,) = with_dsn.mails, without.mails
    assert asked.options.split() == ["RET=HDRS", f"ENVID={AN_ID}"]
    assert asked.recipient_options == "NOTIFY=FAILURE,DELAY"
    assert (plain.options, plain.recipient_options) == ("", "")


def test_emails_come_back_to_the_return_path(smtp: SmtpServer) -> None:
    environ = {
        "SMTP_URL": smtp.url(""),
        "EMAIL_FROM": "news@acme.example",
        "EMAIL_RETURN_PATH": "bounces+{message_id}@acme.example",
    }
    settings = Settings.from_env(environ)
    assert settings.smtp is not None
    transport = SmtpTransport(settings.smtp, settings.email, concurrency=1)
    transport.send(an_email())
    transport.send(an_email(sender={"return_path": "own@acme.example"}))
    transport.close()
    assert [mail.sender for mail in smtp.mails] == [
        f"bounces+{AN_ID}@acme.example", "own@acme.example",
    ]  # fmt: skip


def test_lines_that_begin_with_a_dot_arrive_whole(smtp: SmtpServer, connect: Connect) -> None:
    connect(smtp).send(an_email(text=".\n..\n.hidden\nend\n.\n"))

    assert smtp.mails[0].parsed.get_content().splitlines() == [".", "..", ".hidden", "end", "."]


@pytest.mark.parametrize(
    ("at", "reply", "kind"),
    [
        ("connect", "421 4.7.0 too many connections", OutcomeKind.CHANNEL_STOPPED),
        ("connect", "450 later", OutcomeKind.CHANNEL_STOPPED),
        ("connect", "554 5.7.1 we do not like you", OutcomeKind.CHANNEL_STOPPED),
        ("mail", "421 4.3.2 shutting down", OutcomeKind.DEFERRED),
        ("mail", "451 4.3.0 later", OutcomeKind.DEFERRED),
        ("mail", "550 5.1.8 bad sender", OutcomeKind.CHANNEL_STOPPED),
        ("mail", "553 sender not owned by user", OutcomeKind.CHANNEL_STOPPED),
        ("mail", "530 5.7.0 authentication required", OutcomeKind.CHANNEL_STOPPED),
        ("mail", "552 5.3.4 too large", OutcomeKind.REFUSED),
        ("mail", "534 SIZE=Message too big.", OutcomeKind.REFUSED),
        ("mail", "534 5.7.9 no", OutcomeKind.CHANNEL_STOPPED),
        ("rcpt", "421 4.7.0 slow down", OutcomeKind.DEFERRED),
        ("rcpt", "450 4.7.1 greylisted", OutcomeKind.DEFERRED),
        ("rcpt", "452 4.2.2 mailbox full", OutcomeKind.DEFERRED),
        ("rcpt", "550 5.1.1 no such user", OutcomeKind.SUPPRESSED),
        ("rcpt", "550 5.1.10 null MX", OutcomeKind.SUPPRESSED),
        ("rcpt", "550 5.2.1 disabled", OutcomeKind.SUPPRESSED),
        ("rcpt", "552 5.2.2 mailbox full", OutcomeKind.REFUSED),
        ("rcpt", "550 no such user", OutcomeKind.SUPPRESSED),
        ("rcpt", "550 5.1.2 no such host", OutcomeKind.REFUSED),
        ("rcpt", "550 Invalid recipient: <ada@example.com>", OutcomeKind.REFUSED),
        ("rcpt", "550 5.1.0 no", OutcomeKind.REFUSED),
        ("rcpt", "550 5.7.1 policy", OutcomeKind.REFUSED),
        ("rcpt", "550 5.1.8 <us@x>: Sender address rejected", OutcomeKind.CHANNEL_STOPPED),
        ("rcpt", "450 4.1.8 <us@x>: Sender address rejected", OutcomeKind.CHANNEL_STOPPED),
        ("rcpt", "553 5.1.7 no", OutcomeKind.CHANNEL_STOPPED),
        ("rcpt", "454 4.7.1 <a@b>: Relay access denied", OutcomeKind.CHANNEL_STOPPED),
        ("rcpt", "450 4.7.1 <a@b>: Relay access denied", OutcomeKind.CHANNEL_STOPPED),
        ("rcpt", "550 relay not permitted", OutcomeKind.CHANNEL_STOPPED),
        ("rcpt", "554 5.7.1 <a@b>: Relay access denied", OutcomeKind.CHANNEL_STOPPED),
        ("rcpt", "530 5.7.0 must issue STARTTLS", OutcomeKind.CHANNEL_STOPPED),
        ("data", "451 4.3.0 later", OutcomeKind.DEFERRED),
        ("data", "554 5.5.1 no", OutcomeKind.REFUSED),
        ("dot", "421 4.7.0 rate", OutcomeKind.DEFERRED),
        ("dot", "454 Throttling failure: Maximum sending rate exceeded", OutcomeKind.DEFERRED),
        (
            "dot",
            "454 Throttling failure: Daily message quota exceeded",
            OutcomeKind.CHANNEL_STOPPED,
        ),
        (
            "dot",
            "554 Message rejected: Email address is not verified.",
            OutcomeKind.CHANNEL_STOPPED,
        ),
        ("dot", "550 5.7.26 unauthenticated", OutcomeKind.REFUSED),
        ("dot", "552 5.3.4 too large", OutcomeKind.REFUSED),
        ("dot", "554 5.6.0 bad content", OutcomeKind.REFUSED),
        ("dot", "550 5.1.1 no such user", OutcomeKind.SUPPRESSED),
        ("dot", "354 what", OutcomeKind.UNKNOWN),
        ("dot", "garbage", OutcomeKind.UNKNOWN),
        ("rcpt", "garbage", OutcomeKind.DEFERRED),
        ("connect", "garbage", OutcomeKind.CHANNEL_STOPPED),
    ],
)
def test_each_reply_has_its_outcome(
    smtp: SmtpServer, connect: Connect, at: Any, reply: str, kind: OutcomeKind
) -> None:
    smtp.script(Move(at, reply))
    transport = connect(smtp)

    outcome = transport.send(an_email())
    following = transport.send(an_email("next@example.com"))

    assert outcome.kind is kind
    assert outcome.code == "" if reply == "garbage" else reply.startswith(outcome.code)
    assert bool(outcome.hint) == (kind is OutcomeKind.CHANNEL_STOPPED)
    assert following.kind is OutcomeKind.ACCEPTED
    assert [mail.recipient for mail in smtp.mails] == ["next@example.com"]


@pytest.mark.parametrize(
    ("at", "reply", "blames"),
    [
        ("mail", "552 5.3.4 too large", True),
        ("rcpt", "552 5.2.2 mailbox full", True),
        ("rcpt", "550 Invalid recipient", True),
        ("rcpt", "550 5.7.1 policy", False),
        ("dot", "550 5.7.26 unauthenticated", False),
        ("dot", "554 no", False),
        ("dot", "554 5.6.0 bad content", True),
    ],
)
def test_a_refusal_says_whether_it_concerns_others(
    smtp: SmtpServer, connect: Connect, at: Any, reply: str, *, blames: bool
) -> None:
    smtp.script(Move(at, reply))

    assert connect(smtp).send(an_email()).blames_recipient is blames


def test_a_server_that_knows_only_helo_is_good_enough(smtp: SmtpServer, connect: Connect) -> None:
    smtp.script(Move("ehlo", "502 5.5.1 what?"))

    assert connect(smtp).send(an_email()).kind is OutcomeKind.ACCEPTED


def test_a_server_that_refuses_every_greeting_stops_the_channel(
    smtp: SmtpServer, connect: Connect
) -> None:
    smtp.script(Move("ehlo", "550 go away"), Move("helo", "550 5.7.0 go away"))

    outcome = connect(smtp).send(an_email())

    assert (outcome.kind, outcome.code) == (OutcomeKind.CHANNEL_STOPPED, "550 5.7.0")


def test_an_international_address_needs_smtputf8(serve: MakeServer, connect: Connect) -> None:
    able, unable = serve(), serve(extensions=["8BITMIME"])

    accepted = connect(able).send(an_email("jörg@example.com"))
    refused = connect(unable).send(an_email("jörg@example.com"))

    assert accepted.kind is OutcomeKind.ACCEPTED
    assert able.mails[0].recipient == "jörg@example.com"
    assert able.mails[0].options.split()[1:] == ["SMTPUTF8", "BODY=8BITMIME"]
    assert "To: jörg@example.com".encode() in able.mails[0].content
    assert refused.kind is OutcomeKind.REFUSED
    assert "SMTPUTF8" in refused.detail
    assert unable.mails == []


@pytest.mark.parametrize(
    "recipient",
    ["a@example.com, b@example.com", "a@example.com\r\nRCPT TO:<b@example.com>", "Eve <e@x.com>"],
)
def test_a_recipient_that_is_not_one_address_is_refused_before_the_server_hears_of_it(
    smtp: SmtpServer, connect: Connect, recipient: str
) -> None:
    outcome = connect(smtp).send(an_email(recipient))

    assert outcome.kind is OutcomeKind.REFUSED
    assert smtp.connections == 0


def test_words_of_the_server_are_one_plain_line(smtp: SmtpServer, connect: Connect) -> None:
    smtp.script(Move("rcpt", "550-5.7.1 no\r\n550-\x1b[31m\r\n550 5.7.1 way\u202e" + "." * 900))

    outcome = connect(smtp).send(an_email())

    assert outcome.detail.startswith("no [31m 5.7.1 way")
    assert outcome.detail.isprintable()
    assert len(outcome.detail) == 500


@pytest.mark.parametrize("reply", ["250-more\r\n" * 9000, "250 " + "x" * 70000])
def test_a_reply_that_does_not_end_is_left(smtp: SmtpServer, connect: Connect, reply: str) -> None:
    smtp.script(Move("connect", reply))

    assert connect(smtp).send(an_email()).kind is OutcomeKind.CHANNEL_STOPPED


def test_a_message_above_the_size_that_the_server_names_never_gets_there(
    serve: MakeServer, connect: Connect
) -> None:
    smtp = serve(extensions=["SIZE 5000"])
    transport = connect(smtp)

    outcome = transport.send(an_email(text="a line of text\n" * 1000))

    assert outcome.kind is OutcomeKind.REFUSED
    assert outcome.blames_recipient
    assert not outcome.is_suspect
    assert "at most 5000" in outcome.detail
    assert "MAIL" not in smtp.commands
    assert transport.send(an_email()).kind is OutcomeKind.ACCEPTED
    assert smtp.connections == 1


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0"])
def test_a_server_that_names_no_size_is_asked(
    serve: MakeServer, connect: Connect, size: str
) -> None:
    smtp = serve(extensions=[size])

    assert connect(smtp).send(an_email()).kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize(
    ("reply", "suspect", "unproven"),
    [
        ("550 5.1.1 User unknown", True, False),
        ("550 User unknown", True, True),
        ("550 Invalid recipient: <ada@example.com>", True, False),
        ("552 5.3.4 too large", False, False),
        ("450 4.2.1 later", False, False),
    ],
)
def test_what_could_be_said_of_anybody_is_marked(
    smtp: SmtpServer, connect: Connect, reply: str, *, suspect: bool, unproven: bool
) -> None:
    smtp.script(Move("rcpt", reply))

    outcome = connect(smtp).send(an_email())

    assert (outcome.is_suspect, outcome.is_unproven) == (suspect, unproven)
