"""What Twilio has: the texts to a number, and the latest of all."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowctl.errors import ProviderStopped
from flowctl.transports.twilio import TwilioTransport
from tests.support.outgoing import a_text, twilio_settings
from tests.support.twilio_answers import ACCOUNT_SID, Answer, page, refuse
from tests.support.twilio_server import TwilioServer

START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def test_find_lists_the_texts_to_one_number_newest_first() -> None:
    instants = iter([START - timedelta(hours=3), START, START, START + timedelta(minutes=1)])
    with TwilioServer(clock=lambda: next(instants)) as twilio:
        transport = TwilioTransport(twilio_settings(twilio))
        for number, text in [
            ("+14155550101", "old"),
            ("+14155550101", "first"),
            ("+14155550102", "to another"),
            ("+14155550101", "second"),
        ]:
            transport.send(a_text(number, text))

        found = transport.find("+14155550101", START)

        assert [record.body for record in found] == ["second", "first"]
        assert found[0].created_at == START + timedelta(minutes=1)
        assert found[0].provider_id == twilio.accepted[3].sid
        assert not found[0].inbound
        transport.close()


def test_a_list_may_lag_behind(twilio: TwilioServer, transport: TwilioTransport) -> None:
    twilio.lag = 4  # two requests a look: by the number, and by the number reached by RCS
    transport.send(a_text())
    since = twilio.accepted[0].created_at

    assert [len(transport.find("+14155550123", since)) for _ in range(3)] == [0, 0, 1]


def test_a_text_that_went_by_rcs_is_found_by_its_number(
    twilio: TwilioServer, transport: TwilioTransport
) -> None:
    transport.send(a_text(text="first"))
    transport.send(a_text(text="second"))
    twilio.texts[1].to = "rcs:+14155550123"
    twilio.texts[1].sender = "rcs:acme_agent"

    found = transport.find("+14155550123", twilio.texts[0].created_at)

    assert sorted((record.body, record.recipient) for record in found) == [
        ("first", "+14155550123"),
        ("second", "+14155550123"),
    ]


@pytest.mark.parametrize("address", ["whatsapp:+14155550123", "12345", "Acme", "", None])
def test_a_record_that_is_no_text_to_a_number_stops_nothing(
    twilio: TwilioServer, transport: TwilioTransport, address: Any
) -> None:
    transport.send(a_text(text="ours"))
    twilio.receive(address, "STOP", to=address)

    records = list(transport.recent(twilio.texts[0].created_at))

    assert [record and record.recipient for record in records] == ["", "+14155550123"]


def test_a_record_without_an_id_is_null_among_others(
    twilio: TwilioServer, transport: TwilioTransport
) -> None:
    transport.send(a_text(text="ours"))
    twilio.receive("+14155550123", "STOP").sid = ""

    records = list(transport.recent(twilio.texts[0].created_at))

    assert [record and record.body for record in records] == [None, "ours"]
    twilio.texts[0].sid = ""
    with pytest.raises(ProviderStopped):
        transport.find("+14155550123", twilio.texts[0].created_at)


def test_recent_reads_page_after_page_with_replies_and_errors() -> None:
    with TwilioServer(clock=lambda: START) as twilio:
        transport = TwilioTransport(twilio_settings(twilio))
        with twilio.lock:
            for n in range(2500):
                twilio.accept({"To": f"+1415{n:07}", "Body": str(n)})
        twilio.deliver(twilio.texts[0].sid, "undelivered", 30005)
        twilio.receive("+14150000001", "STOP")

        records = [r for r in transport.recent(START - timedelta(hours=1)) if r is not None]

        assert len(records) == 2501
        assert (records[0].inbound, records[0].body) == (True, "STOP")
        assert records[0].sender == "+14150000001"
        assert (records[-1].status, records[-1].error_code) == ("undelivered", 30005)
        assert len(twilio.requests) == 3
        assert {query["PageSize"] for _, query in twilio.requests} == {"1000"}
        transport.close()


@pytest.mark.parametrize(
    "answer",
    [
        refuse(20003, 401),
        refuse(20429, 429),
        page(200),
        page(502),
        Answer(status=200, raw="{}"),
        Answer(status=200, raw='{"messages": [{}]}'),
        Answer(status=200, raw='{"messages": 7}'),
        Answer(ending="drop"),
        Answer(status=200, ending="cut"),
    ],
)
def test_a_list_without_an_answer_is_an_error_and_never_an_empty_list(
    twilio: TwilioServer, transport: TwilioTransport, answer: Answer
) -> None:
    twilio.script_lists(answer)

    with pytest.raises(ProviderStopped) as stopped:
        transport.find("+14155550123", START)

    assert stopped.value.hint


def test_a_list_that_never_ends_is_left() -> None:
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    record = {"sid": "SM1", "date_created": "Mon, 02 Mar 2026 14:00:00 +0000"}
    endless = json.dumps({"messages": [record], "next_page_uri": path})
    with TwilioServer() as twilio:
        twilio.script_lists(*[Answer(status=200, raw=endless)] * 1000)
        transport = TwilioTransport(twilio_settings(twilio))

        with pytest.raises(ProviderStopped, match="does not end"):
            list(transport.recent(START))

        transport.close()
