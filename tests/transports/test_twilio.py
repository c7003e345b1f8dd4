"""The real Twilio client against a real HTTP server that does whatever Twilio and networks do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from flowctl.model import Channel, OutcomeKind
from flowctl.settings import Settings
from flowctl.transports import TextLookup, Transport, transport_for
from flowctl.transports.twilio import TwilioTransport
from tests.support.outgoing import a_text, twilio_settings
from tests.support.twilio_answers import FROM_NUMBER, Answer, page, refuse
from tests.support.twilio_server import TwilioServer


def test_a_text_is_accepted_under_twilios_id(
    twilio: TwilioServer, transport: TwilioTransport
) -> None:
    outcome = transport.send(a_text(text="Hi Ada, café ✓"))

    (accepted,) = twilio.accepted
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.provider_id == accepted.sid
    assert (accepted.to, accepted.body) == ("+14155550123", "Hi Ada, café ✓")
    assert accepted.sender == twilio.environ["TWILIO_FROM_NUMBER"]
    assert accepted.validity_period is None


@pytest.mark.parametrize(
    ("valid_for", "seconds"),
    [
        (timedelta(minutes=90), 5400),
        (timedelta(days=2), 36000),
        (timedelta(milliseconds=300), 1),
        (timedelta(seconds=-5), 1),
    ],
)
def test_a_texts_validity_stays_within_what_twilio_takes(
    twilio: TwilioServer, transport: TwilioTransport, valid_for: timedelta, seconds: int
) -> None:
    transport.send(a_text(valid_for=valid_for))

    assert twilio.accepted[0].validity_period == seconds


def test_a_messaging_service_chooses_the_sender(twilio: TwilioServer) -> None:
    settings = twilio_settings(twilio, TWILIO_MESSAGING_SERVICE_SID="MG1")
    TwilioTransport(settings).send(a_text())

    (_, form), *_ = twilio.requests
    assert form["MessagingServiceSid"] == "MG1"
    assert "From" not in form


@pytest.mark.parametrize("environ", [{}, {"TWILIO_MESSAGING_SERVICE_SID": "MG1"}])
def test_a_flow_has_a_sender_of_its_own(twilio: TwilioServer, environ: dict[str, str]) -> None:
    transport = TwilioTransport(twilio_settings(twilio, **environ))
    transport.send(a_text(sender={"text_from": "+12125550177"}))
    transport.send(a_text(sender={"text_from": "MG" + "0" * 32}))
    transport.send(a_text(sender={"email_from": "ana@example.com"}))

    senders = [(form.get("From"), form.get("MessagingServiceSid")) for _, form in twilio.requests]
    assert senders[:2] == [("+12125550177", None), (None, "MG" + "0" * 32)]
    assert senders[2] == ((None, "MG1") if environ else (FROM_NUMBER, None))


def test_many_threads_send_each_text_once(twilio: TwilioServer, transport: TwilioTransport) -> None:
    numbers = [f"+1415555{n:04}" for n in range(64)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda number: transport.send(a_text(number)), numbers))

    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert sorted(text.to for text in twilio.accepted) == numbers
    assert {text.sid for text in twilio.accepted} == {o.provider_id for o in outcomes}


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        pytest.param(refuse(20003, 401), OutcomeKind.CHANNEL_STOPPED, "20003", id="credentials"),
        pytest.param(refuse(21606), OutcomeKind.CHANNEL_STOPPED, "21606", id="sender"),
        pytest.param(refuse(30002), OutcomeKind.CHANNEL_STOPPED, "30002", id="suspended"),
        pytest.param(refuse(63038, 429), OutcomeKind.CHANNEL_STOPPED, "63038", id="daily limit"),
        pytest.param(refuse(20429, 429), OutcomeKind.DEFERRED, "20429", id="too many requests"),
        pytest.param(refuse(None, 429), OutcomeKind.DEFERRED, "429", id="429 without a code"),
        pytest.param(refuse(None, 503), OutcomeKind.DEFERRED, "503", id="unavailable"),
        pytest.param(refuse(20500, 500), OutcomeKind.UNKNOWN, "20500", id="server error"),
        pytest.param(refuse(None, 502), OutcomeKind.UNKNOWN, "502", id="bad gateway"),
        pytest.param(refuse(21610), OutcomeKind.SUPPRESSED, "21610", id="opted out"),
        pytest.param(refuse(21614), OutcomeKind.SUPPRESSED, "21614", id="no mobile number"),
        pytest.param(refuse(21612), OutcomeKind.REFUSED, "21612", id="no route"),
        pytest.param(refuse(21617), OutcomeKind.REFUSED, "21617", id="too long"),
        pytest.param(refuse(21408), OutcomeKind.REFUSED, "21408", id="country"),
        pytest.param(refuse(29999), OutcomeKind.REFUSED, "29999", id="unknown code"),
        pytest.param(refuse(None, 400), OutcomeKind.REFUSED, "400", id="400 without a code"),
        pytest.param(page(401), OutcomeKind.CHANNEL_STOPPED, "401", id="page 401"),
        pytest.param(page(404), OutcomeKind.CHANNEL_STOPPED, "404", id="page 404"),
        pytest.param(page(302), OutcomeKind.CHANNEL_STOPPED, "302", id="redirect"),
        pytest.param(page(400), OutcomeKind.UNKNOWN, "400", id="page 400"),
        pytest.param(page(500), OutcomeKind.UNKNOWN, "500", id="page 500"),
        pytest.param(page(503), OutcomeKind.DEFERRED, "503", id="page 503"),
        pytest.param(page(200), OutcomeKind.UNKNOWN, "", id="page 200"),
        pytest.param(page(201, accept=True), OutcomeKind.UNKNOWN, "", id="page 201"),
        pytest.param(Answer(raw="[]"), OutcomeKind.UNKNOWN, "", id="a list"),
        pytest.param(Answer(raw="{}"), OutcomeKind.UNKNOWN, "", id="no id"),
        pytest.param(Answer(raw='"x"'), OutcomeKind.UNKNOWN, "", id="a string"),
        pytest.param(Answer(raw='{"sid": 7}'), OutcomeKind.UNKNOWN, "", id="no id of Twilio's"),
        pytest.param(Answer(raw=" "), OutcomeKind.UNKNOWN, "", id="nothing"),
    ],
)
def test_each_answer_has_its_outcome(
    twilio: TwilioServer, transport: TwilioTransport, answer: Answer, kind: OutcomeKind, code: str
) -> None:
    twilio.script(answer)

    outcome = transport.send(a_text())

    assert (outcome.kind, outcome.code) == (kind, code)
    assert len(twilio.requests) == 1
    assert outcome.provider_id is None
    assert outcome.detail.isprintable()
    assert bool(outcome.hint) or kind is not OutcomeKind.CHANNEL_STOPPED
    assert not outcome.blames_recipient or kind is OutcomeKind.REFUSED


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, OutcomeKind.SUPPRESSED),
        ({"TWILIO_FROM_NUMBER": "12345"}, OutcomeKind.REFUSED),
        ({"TWILIO_MESSAGING_SERVICE_SID": "MG1"}, OutcomeKind.REFUSED),
    ],
)
def test_a_carrier_that_is_not_reached_suppresses_nobody_but_from_a_number(
    twilio: TwilioServer, changes: dict[str, str], kind: OutcomeKind
) -> None:
    twilio.script(refuse(30006))

    assert TwilioTransport(twilio_settings(twilio, **changes)).send(a_text()).kind is kind


def test_only_a_listed_refusal_blames_the_recipient(
    twilio: TwilioServer, transport: TwilioTransport
) -> None:
    twilio.script(refuse(21612), refuse(21408), refuse(29999))

    blames = [transport.send(a_text()).blames_recipient for _ in range(3)]

    assert blames == [True, True, False]


def test_an_error_in_the_newer_form_is_read(
    twilio: TwilioServer, transport: TwilioTransport
) -> None:
    problem = '{"type": "about:blank", "title": "Opted out", "status": 400, "code": 21610}'
    twilio.script(Answer(accept=False, status=400, raw=problem))

    outcome = transport.send(a_text())

    assert (outcome.kind, outcome.code) == (OutcomeKind.SUPPRESSED, "21610")
    assert outcome.detail == "Opted out"


def test_what_the_provider_says_is_one_plain_line(
    twilio: TwilioServer, transport: TwilioTransport
) -> None:
    twilio.script(refuse(21612, message="no\r\nroute \x1b[31mat all\u202e" + "." * 2000))

    outcome = transport.send(a_text())

    assert outcome.detail.startswith("no route [31mat all")
    assert len(outcome.detail) == 500
    assert outcome.detail.isprintable()


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry_After": "7"}, timedelta(seconds=7)),
        ({"Retry_After": "999999999"}, timedelta(days=1)),
        ({"Retry_After": "-3"}, None),
        ({"Retry_After": "soon"}, None),
        ({}, None),
    ],
)
def test_a_429_says_how_long_to_wait(
    twilio: TwilioServer,
    transport: TwilioTransport,
    headers: dict[str, str],
    pause: timedelta | None,
) -> None:
    twilio.script(refuse(20429, 429, **headers))

    assert transport.send(a_text()).retry_after == pause


def test_a_retry_after_that_is_a_date_counts_from_the_answers_own_date(
    twilio: TwilioServer, transport: TwilioTransport
) -> None:
    # The server's own Date is today's, so that this moment is long past.
    twilio.script(refuse(20429, 429, Retry_After="Mon, 02 Mar 2015 14:00:00 GMT"))

    assert transport.send(a_text()).retry_after == timedelta(0)


def test_the_transport_is_what_the_dispatcher_expects(twilio: TwilioServer) -> None:
    settings = Settings.from_env(twilio.environ)

    transport: Transport | None = transport_for(Channel.TEXT, settings, concurrency=4)

    assert transport_for(Channel.EMAIL, settings, concurrency=4) is None
    assert transport_for(Channel.TEXT, Settings.from_env({}), concurrency=4) is None
    assert transport is not None
    assert isinstance(transport, TextLookup)
    assert transport.channel is Channel.TEXT
