"""TLS and the login, before any mail."""

import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from flowctl.errors import InputError
from flowctl.model import OutcomeKind
from flowctl.transports.smtp.timeouts import Timeouts
from tests.support.outgoing import Connect, MakeServer, an_email, send_to
from tests.support.smtp_moves import PASSWORD, USER, Move
from tests.support.smtp_server import SmtpServer

LONG = Timeouts()


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


def test_what_was_offered_before_tls_is_not_used_after_it(serve: MakeServer, cafile: Path) -> None:
    """RFC 3207 section 4.2; a server that knows only HELO by then offers nothing."""
    smtp = serve(tls="starttls")
    smtp.script(Move("ehlo"), Move("ehlo", "502 no"))

    assert send_to(smtp.url(f"?cafile={cafile}")).kind is OutcomeKind.ACCEPTED
    assert [mail.options for mail in smtp.mails] == [""]


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


def test_a_ca_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(InputError, match=name):
            send_to(f"smtps://127.0.0.1:1?cafile={tmp_path / name}")
