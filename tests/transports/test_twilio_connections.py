"""Lines to Twilio: cut, slow, refused, and to which host."""

import logging
import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from flowctl.errors import InputError, ProviderStopped
from flowctl.model import OutcomeKind
from flowctl.settings import Settings
from flowctl.transports.twilio import TwilioTransport
from flowctl.transports.twilio.client import TwilioClient
from flowctl.transports.twilio.http import HttpTimeouts
from tests.support.outgoing import a_text, twilio_settings
from tests.support.twilio_answers import ACCEPT, Answer
from tests.support.twilio_server import TwilioServer
from tests.support.waiting import until

START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
SHORT = HttpTimeouts(connect=5, read=0.2)


LONG = HttpTimeouts(connect=30, read=30)
PASSWORD = "hunter2"  # noqa: S105 - of nobody


@pytest.mark.parametrize("accept", [True, False])
@pytest.mark.parametrize("ending", ["drop", "cut", "hang"])
def test_a_text_without_an_answer_is_unknown_and_never_repeated(
    twilio: TwilioServer, ending: Any, accept: bool
) -> None:
    twilio.script(Answer(accept=accept, ending=ending))
    transport = TwilioTransport(
        twilio_settings(twilio), timeouts=SHORT if ending == "hang" else LONG
    )

    outcome = transport.send(a_text())

    assert outcome.kind is OutcomeKind.UNKNOWN
    until(lambda: len(twilio.requests) == 1)
    assert len(twilio.accepted) == accept
    transport.close()


def test_after_a_lost_connection_the_next_text_gets_a_new_one(
    twilio: TwilioServer, transport: TwilioTransport
) -> None:
    twilio.script(ACCEPT, Answer(accept=False, ending="drop"), ACCEPT)

    kinds = [transport.send(a_text()).kind for _ in range(3)]

    assert kinds == [OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED]


def test_a_server_that_is_not_there_stops_the_channel(twilio: TwilioServer) -> None:
    settings = twilio_settings(twilio)
    twilio.close()

    outcome = TwilioTransport(settings).send(a_text())

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert outcome.detail == "Twilio cannot be reached: Connection refused"
    assert "TWILIO_API_URL" in outcome.hint


def test_a_host_that_does_not_exist_stops_the_channel(twilio: TwilioServer) -> None:
    settings = twilio_settings(twilio, TWILIO_API_URL="https://twilio.invalid")

    assert TwilioTransport(settings).send(a_text()).kind is OutcomeKind.CHANNEL_STOPPED


def test_a_server_without_tls_stops_the_channel_before_anything_is_sent(
    twilio: TwilioServer,
) -> None:
    settings = twilio_settings(twilio, TWILIO_API_URL=twilio.url.replace("http:", "https:"))

    outcome = TwilioTransport(settings).send(a_text())

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert twilio.requests == []


def test_a_timeout_before_the_handover_is_tried_again_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        environ = {
            "TWILIO_ACCOUNT_SID": "AC1",
            "TWILIO_AUTH_TOKEN": "t",
            "TWILIO_FROM_NUMBER": "+14155550100",
            "TWILIO_API_URL": url,
        }
        settings = Settings.from_env(environ).twilio
        assert settings is not None
        outcome = TwilioTransport(settings, timeouts=HttpTimeouts(0.2, 0.2)).send(a_text())

    assert outcome.kind is OutcomeKind.DEFERRED


def test_no_secret_and_no_number_gets_into_a_log_or_an_outcome(
    twilio: TwilioServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    transport = TwilioTransport(twilio_settings(twilio, TWILIO_AUTH_TOKEN=PASSWORD))

    outcome = transport.send(a_text("+14155559876"))
    with pytest.raises(ProviderStopped) as stopped:
        transport.find("+14155559876", START)

    shown = f"{caplog.text} {outcome} {stopped.value} {stopped.value.hint}"
    assert PASSWORD not in shown
    assert "4155559876" not in shown


@pytest.mark.parametrize("name", ["TWILIO_EDGE", "TWILIO_REGION"])
def test_a_base_url_is_used_as_it_is(
    twilio: TwilioServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # As a setting, and in the environment, where Twilio's library looks for itself.
    monkeypatch.setenv(name, "ie1")
    transport = TwilioTransport(twilio_settings(twilio, **{name: "ie1"}))

    assert transport.send(a_text()).kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize(
    ("changes", "host"),
    [
        ({}, "api.twilio.com"),
        ({"TWILIO_EDGE": "dublin"}, "api.dublin.us1.twilio.com"),
        ({"TWILIO_REGION": "ie1"}, "api.ie1.twilio.com"),
        ({"TWILIO_EDGE": "dublin", "TWILIO_REGION": "ie1"}, "api.dublin.ie1.twilio.com"),
    ],
)
def test_edge_and_region_choose_among_twilios_hosts(
    twilio: TwilioServer, changes: dict[str, str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "of-nobody")  # only a setting counts
    environ = {name: value for name, value in twilio.environ.items() if name != "TWILIO_API_URL"}
    settings = Settings.from_env({**environ, **changes}).twilio
    assert settings is not None

    client = TwilioClient(settings, LONG).rest

    assert client.get_hostname("https://api.twilio.com") == f"https://{host}"


@pytest.mark.parametrize("name", ["TWILIO_EDGE", "TWILIO_REGION"])
@pytest.mark.parametrize("value", ["evil.example", "a/b", "Dublin", "a@b"])
def test_an_edge_is_one_word(twilio: TwilioServer, name: str, value: str) -> None:
    with pytest.raises(InputError, match=name):
        twilio_settings(twilio, **{name: value})


def test_an_api_key_logs_in_instead_of_the_account(twilio: TwilioServer) -> None:
    settings = twilio_settings(twilio, TWILIO_API_KEY="SK1", TWILIO_API_SECRET=PASSWORD)

    assert TwilioTransport(settings).send(a_text()).code == "20003"
    assert twilio.accepted == []
