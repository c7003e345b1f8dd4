"""Servers of each kind, and the clients before them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from flowctl.settings import Settings
from flowctl.transports.smtp import SmtpTransport
from flowctl.transports.smtp.timeouts import Timeouts
from flowctl.transports.twilio import TwilioTransport
from flowctl.transports.twilio.http import HttpTimeouts
from tests.support.outgoing import MakeServer, twilio_settings
from tests.support.smtp_server import EXTENSIONS, SmtpServer
from tests.support.twilio_server import TwilioServer

LONG = Timeouts()


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


@pytest.fixture
def transport(twilio: TwilioServer) -> Iterator[TwilioTransport]:
    made = TwilioTransport(twilio_settings(twilio), timeouts=HttpTimeouts(connect=30, read=30))
    yield made
    made.close()
