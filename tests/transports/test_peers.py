"""Servers that are processes of their own, and one that is not ours."""

import asyncio
import json
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from flowctl.model import OutcomeKind
from flowctl.settings import Settings
from flowctl.transports.smtp import SmtpTransport
from flowctl.transports.twilio import TwilioTransport
from tests.support import smtp_server, twilio_server
from tests.support.outgoing import AN_ID, a_text, an_email
from tests.support.smtp_moves import Move
from tests.support.twilio_answers import Answer, refuse

PASSWORD = "ünder % cover"  # noqa: S105 - of nobody


@contextmanager
def running(module: str, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server as a process, and the first line it prints."""
    command = [sys.executable, "-m", f"tests.support.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def test_a_twilio_server_that_is_killed_leaves_what_it_accepted(tmp_path: Path) -> None:
    journal = tmp_path / "texts"
    with running("twilio_server", "--journal", str(journal)) as (url, process):
        environ = {
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 31 + "1",
            "TWILIO_AUTH_TOKEN": "token-of-a-test",
            "TWILIO_FROM_NUMBER": "+14155550100",
            "TWILIO_API_URL": url,
        }
        settings = Settings.from_env(environ).twilio
        assert settings is not None
        transport = TwilioTransport(settings)
        accepted = transport.send(a_text())
        twilio_server.script(url, refuse(21610), Answer(ending="drop"))
        kinds = [transport.send(a_text()).kind for _ in range(2)]
        assert len(twilio_server.accepted_by(url)) == 2
        process.send_signal(signal.SIGKILL)
        process.wait()
        kinds.append(transport.send(a_text()).kind)
        transport.close()

    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert kinds[:2] == [OutcomeKind.SUPPRESSED, OutcomeKind.UNKNOWN]
    assert kinds[2] is OutcomeKind.CHANNEL_STOPPED
    assert [line["to"] for line in lines] == ["+14155550123"] * 2
    assert lines[0]["sid"] == accepted.provider_id


def smtp_transport(url: str) -> SmtpTransport:
    settings = Settings.from_env({"SMTP_URL": url, "EMAIL_FROM": "news@acme.example"})
    assert settings.smtp is not None
    return SmtpTransport(settings.smtp, settings.email, concurrency=1)


def test_an_smtp_server_that_is_killed_leaves_what_it_accepted(tmp_path: Path) -> None:
    journal = tmp_path / "mails"
    with running("smtp_server", "--journal", str(journal)) as (port, process):
        transport = smtp_transport(f"smtp://127.0.0.1:{port}")
        accepted = transport.send(an_email())
        smtp_server.script(int(port), Move("dot", ending="drop", accept=True))
        unknown = transport.send(an_email(subject="second"))
        process.send_signal(signal.SIGKILL)
        process.wait()
        stopped = transport.send(an_email())
        transport.close()

    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert unknown.kind is OutcomeKind.UNKNOWN
    assert stopped.kind is OutcomeKind.CHANNEL_STOPPED
    assert [line["message_id"] for line in lines] == [accepted.provider_id] * 2
    assert lines[1]["subject"] == "second"


class Keeper:
    """An aiosmtpd handler that keeps what it gets."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 2.0.0 kept"


def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, given: object) -> AuthResult:
    assert isinstance(given, LoginPassword)
    return AuthResult(success=given.password == PASSWORD.encode())


@contextmanager
def aiosmtpd(keeper: Keeper, context: ssl.SSLContext | None) -> Iterator[int]:
    """A server of aiosmtpd's in a thread of its own; yields its port."""

    def connection() -> SMTP:
        return SMTP(
            keeper,
            hostname="test",
            loop=loop,
            tls_context=context,
            require_starttls=context is not None,
            auth_required=context is not None,
            authenticator=authenticate,
        )

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(connection, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(server.wait_closed())
        loop.close()


@pytest.mark.parametrize("secure", [False, True])
def test_a_server_of_others_takes_our_mail(tmp_path: Path, *, secure: bool) -> None:
    context = None
    if secure:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    user = "ada:%C3%BCnder%20%25%20cover@" if secure else ""
    query = f"?cafile={tmp_path / 'ca.pem'}" if secure else ""
    keeper = Keeper()
    with aiosmtpd(keeper, context) as port:
        transport = smtp_transport(f"smtp://{user}127.0.0.1:{port}{query}")
        outcomes = [transport.send(an_email(text=".\nä\n" * 3)) for _ in range(3)]
        transport.close()

    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert [envelope.rcpt_tos for envelope in keeper.envelopes] == [["ada@example.com"]] * 3
    content = keeper.envelopes[0].content
    assert isinstance(content, bytes)
    assert str(AN_ID).encode() in content
