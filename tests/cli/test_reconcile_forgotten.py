"""After a restore: texts that Twilio has and the database takes for unsent."""

from datetime import timedelta

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.twilio_server import TwilioServer


@pytest.fixture
def lost(conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer) -> str:
    """The SID of a text that was sent before the database was restored to a second earlier."""
    a_step(conn, type="text", content="Hi {{ first_name }}")
    a_lead(conn, phone="(415) 555-0123", first_name="Ada")
    environ = {**twilio.environ, "FLOWCTL_DEFAULT_REGION": "US"}
    assert flowctl("dispatch", "--once", "--json", env=environ).json()["sent"] == 1
    restore(conn)
    (text,) = twilio.accepted
    return text.sid


def restore(conn: Connection, status: str = "pending") -> None:
    """Make the database what it was before anything was sent."""
    conn.execute("alter table message_logs disable trigger guard_sent_message")
    conn.execute(
        "update message_logs set status = %s, sent_at = null, provider_id = null, "
        "recipient = null, attempts = 0, content = 'Hi {{ first_name }}'",
        (status,),
    )
    conn.execute("alter table message_logs enable trigger guard_sent_message")


def recovered(flowctl: RunFlowctl, twilio: TwilioServer) -> int:
    environ = {**twilio.environ, "FLOWCTL_DEFAULT_REGION": "US"}
    ran = flowctl("reconcile", "--json", env=environ)
    assert ran.exit_code in {0, 1}, ran.stderr
    count = ran.json()["recovered"]
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_text_that_twilio_has_is_sent_and_not_sent_again(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, lost: str, status: str
) -> None:
    restore(conn, status)
    twilio.deliver(lost, "delivered")
    assert recovered(flowctl, twilio) == 1
    assert messages(conn, "status", "provider_id", "recipient", "content", "delivery_status") == [
        ("sent", lost, "+14155550123", "Hi Ada", "delivered")
    ]
    assert recovered(flowctl, twilio) == 0
    flowctl("dispatch", "--once", env=twilio.environ)
    assert len(twilio.accepted) == 1


def test_a_record_stands_for_one_message(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, lost: str
) -> None:
    a_lead(conn, phone="+1 415 555 0123", first_name="Ada")
    assert recovered(flowctl, twilio) == 1
    assert sorted(messages(conn, "status")) == [("pending",), ("sent",)]
    assert messages(conn, "provider_id").count((lost,)) == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", "Hi Bob"),
        ("to", "+14155550124"),
        ("sender", "+14155550199"),
        ("to", "whatsapp:+14155550123"),
    ],
)
def test_another_text_is_not_taken_for_it(
    flowctl: RunFlowctl, twilio: TwilioServer, lost: str, column: str, value: str
) -> None:
    (text,) = [text for text in twilio.texts if text.sid == lost]
    setattr(text, column, value)
    assert recovered(flowctl, twilio) == 0


@pytest.mark.parametrize("later", [timedelta(hours=1), timedelta(days=-4)])
def test_a_text_of_another_time_is_not_taken_for_it(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, lost: str, later: timedelta
) -> None:
    assert lost
    conn.execute("update message_logs set scheduled_for = scheduled_for + %s", (later,))
    assert recovered(flowctl, twilio) == 0


def test_what_is_being_sent_is_left_alone(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, lost: str
) -> None:
    assert lost
    conn.execute(
        "insert into flowctl.sends (message_id, lead_id, channel, transport, recipient, content, "
        "claimed_by, lease_until) select id, lead_id, 'text', 'twilio', '+14155550123', 'Hi Ada', "
        "gen_random_uuid(), now() + interval '1 hour' from message_logs"
    )
    assert recovered(flowctl, twilio) == 0
    assert messages(conn, "status") == [("pending",)]


def test_a_sample_is_taken_for_no_message(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    a_step(conn, key="hi", type="text", content="Hi {{ first_name }}")
    a_lead(conn, phone="(415) 555-0123", first_name="Ada")
    environ = {**twilio.environ, "FLOWCTL_DEFAULT_REGION": "US"}
    sample = ("steps", "test", "hi", "--to", "+14155550123", "--lead", "ada@example.com")
    assert flowctl(*sample, env=environ).exit_code == 0
    assert recovered(flowctl, twilio) == 0
    assert messages(conn, "status") == [("pending",)]
