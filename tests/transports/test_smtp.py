"""The real SMTP client against a real server that refuses, drops and hangs at every stage."""

import logging
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from flowctl.errors import InputError
from flowctl.model import Channel, Outcome, OutcomeKind
from flowctl.settings import Settings
from flowctl.transports import Transport, transport_for
from flowctl.transports.smtp import SmtpTransport
from flowctl.transports.smtp.timeouts import Timeouts
from tests.support.outgoing import AN_ID, an_email
from tests.support.smtp_server import EXTENSIONS, PASSWORD, USER, Move, SmtpServer
from tests.support.waiting import until

SHORT = Timeouts(connect=5, command=0.5, data=0.5, block=0.5, final=0.5)
NO_LAST_WORD = Timeouts(final=0.05)
LONG = Timeouts()

MakeServer = Callable[..., SmtpServer]


@pytest.fixture
def cafile(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def serve(authority: trustme.CA) -> Iterator[MakeServer]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(SmtpServer(authority=authority, **options))


@pytest.fixture(params=[EXTENSIONS, EXTENSIONS[:-1]], ids=["together", "one by one"])
def smtp(serve: MakeServer, request: pytest.FixtureRequest) -> SmtpServer:
    """A server that takes commands together, and one that does not."""
    return serve(extensions=request.param)


@pytest.fixture
def connect() -> Iterator[Callable[..., SmtpTransport]]:
    with ExitStack() as stack:

        def make(
            server: SmtpServer, query: str = "", *, timeouts: Timeouts = LONG, concurrency: int = 4
        ) -> SmtpTransport:
            return made(server.url(query), timeouts=timeouts, concurrency=concurrency)

        def made(url: str, **options: Any) -> SmtpTransport:
            environ = {"SMTP_URL": url, "EMAIL_FROM": "Acme <news@acme.example>"}
            settings = Settings.from_env(environ)
            assert settings.smtp is not None
            transport = SmtpTransport(settings.smtp, settings.email, **options)
            stack.callback(transport.close)
            return transport

        yield make


Connect = Callable[..., SmtpTransport]


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


def send_to(url: str) -> Outcome:
    """Send an email by the server of the URL, with what ``transport_for`` makes of it."""
    settings = Settings.from_env({"SMTP_URL": url, "EMAIL_FROM": "news@acme.example"})
    transport: Transport | None = transport_for(Channel.EMAIL, settings, concurrency=1)
    assert transport is not None
    assert transport.channel is Channel.EMAIL
    outcome = transport.send(an_email())
    transport.close()
    return outcome


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_tls_is_verified_and_then_used(serve: MakeServer, cafile: Path, tls: str) -> None:
    smtp = serve(tls=tls, password=PASSWORD)

    outcome = send_to(smtp.url(f"?cafile={cafile}"))

    assert outcome.kind is OutcomeKind.ACCEPTED
    assert (smtp.mails[0].over_tls, smtp.mails[0].user) == (True, USER)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("fault", ["another authority", "another name"])
def test_a_certificate_that_is_not_trusted_stops_the_channel_before_the_password(
    serve: MakeServer, cafile: Path, tokens: Path, tls: str, fault: str
) -> None:
    other = fault == "another authority"
    smtp = serve(tls=tls, password=PASSWORD, host="127.0.0.1" if other else "elsewhere.example")

    outcome = send_to(smtp.url(f"?cafile={tokens if other else cafile}"))

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert "no verified TLS" in outcome.detail
    assert "AUTH" not in smtp.commands
    assert smtp.mails == []


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """The certificate of an authority that signed nothing here."""
    path = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


def test_a_server_that_hides_starttls_gets_no_mail(smtp: SmtpServer, cafile: Path) -> None:
    outcome = send_to(smtp.url(f"?cafile={cafile}"))

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert outcome.detail == "the server offers no STARTTLS"
    assert "MAIL" not in smtp.commands


@pytest.mark.parametrize("reply", ["454 4.7.0 TLS not available", "501 no"])
def test_a_refused_starttls_gets_no_mail(serve: MakeServer, cafile: Path, reply: str) -> None:
    smtp = serve(tls="starttls")
    smtp.script(Move("starttls", reply))

    assert send_to(smtp.url(f"?cafile={cafile}")).kind is OutcomeKind.CHANNEL_STOPPED
    assert "MAIL" not in smtp.commands


def test_what_is_said_before_tls_does_not_count(serve: MakeServer, cafile: Path) -> None:
    smtp = serve(tls="starttls", password=PASSWORD)
    smtp.script(Move("starttls", "220 go\r\n250-injected\r\n250 AUTH PLAIN"))

    assert send_to(smtp.url(f"?cafile={cafile}")).kind is OutcomeKind.ACCEPTED


def test_smtps_to_a_port_without_tls_stops_the_channel(smtp: SmtpServer, cafile: Path) -> None:
    url = smtp.url(f"?cafile={cafile}").replace("smtp:", "smtps:")

    assert send_to(url).kind is OutcomeKind.CHANNEL_STOPPED


def test_a_connection_dropped_instead_of_tls_stops_the_channel(cafile: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        accepting = pool.submit(listener.accept)
        pool.submit(lambda: accepting.result()[0].close())  # noqa: PLW0108 - when it is there
        outcome = send_to(f"smtps://127.0.0.1:{listener.getsockname()[1]}?cafile={cafile}")

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN PLAIN"])
def test_it_logs_in_with_any_characters_in_the_password(
    serve: MakeServer, connect: Connect, mechanisms: str
) -> None:
    smtp = serve(password=PASSWORD, mechanisms=mechanisms)

    assert connect(smtp).send(an_email()).kind is OutcomeKind.ACCEPTED
    assert smtp.mails[0].user == USER


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN"])
def test_a_refused_login_stops_the_channel_and_shows_no_password(
    serve: MakeServer, connect: Connect, caplog: pytest.LogCaptureFixture, mechanisms: str
) -> None:
    caplog.set_level(logging.DEBUG)
    smtp = serve(password=f"not {PASSWORD}", mechanisms=mechanisms)

    outcome = connect(smtp).send(an_email())

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert outcome.code == "535 5.7.8"
    assert "wrong password" in outcome.detail
    assert "SMTP_URL" in outcome.hint
    assert PASSWORD not in f"{outcome} {caplog.text}"


@pytest.mark.parametrize(
    ("mechanisms", "reply"), [("CRAM-MD5 XOAUTH2", None), ("PLAIN", "454 4.7.0 try later")]
)
def test_a_login_that_is_not_possible_stops_the_channel(
    serve: MakeServer, connect: Connect, mechanisms: str, reply: str | None
) -> None:
    smtp = serve(password=PASSWORD, mechanisms=mechanisms)
    smtp.script(Move("auth", reply))

    assert connect(smtp).send(an_email()).kind is OutcomeKind.CHANNEL_STOPPED


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


def test_a_ca_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(InputError, match=name):
            send_to(f"smtps://127.0.0.1:1?cafile={tmp_path / name}")


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
