"""What Twilio tells after a send finds its way into the database, and only that."""

from typing import Any

import pytest

from tests.cli.reconciled import ADA, reconcile, suppressions
from tests.support.cli import Ran, RunFlowctl
from tests.support.factories import a_lead, a_step, messages
from tests.support.invariants import let_leases_pass
from tests.support.postgres import Connection
from tests.support.twilio_answers import Answer
from tests.support.twilio_server import TwilioServer


def reconcile_undelivered(flowctl: RunFlowctl, twilio: TwilioServer) -> Ran:
    ran = flowctl("reconcile", "--json", env=twilio.environ)
    assert ran.exit_code == 1
    assert "not delivered\nhint: flowctl messages list --undelivered" in ran.stderr
    return ran


def test_a_delivery_is_written_down(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str
) -> None:
    twilio.deliver(sent_text, "delivered")
    assert reconcile(flowctl, twilio).json()["updated"] == 1
    assert messages(conn, "status", "delivery_status", "error_message") == [
        ("sent", "delivered", None)
    ]
    assert reconcile(flowctl, twilio).json()["updated"] == 0


def test_a_text_that_did_not_arrive_says_why_and_stays_sent(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str
) -> None:
    twilio.deliver(sent_text, "undelivered", 30003)
    done = reconcile_undelivered(flowctl, twilio).json()
    assert done["undelivered"] == {"30003": 1}
    assert messages(conn, "status", "delivery_status", "delivery_code", "error_message") == [
        ("sent", "undelivered", "30003", "not delivered: 30003")
    ]
    assert suppressions(conn) == []
    assert reconcile(flowctl, twilio).json()["undelivered"] == {}  # it was told already


@pytest.mark.parametrize("status", ["failed", "undelivered", "canceled"])
def test_the_status_decides_whether_a_text_arrived(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str, status: str
) -> None:
    twilio.deliver(sent_text, status)
    done = reconcile_undelivered(flowctl, twilio).json()
    assert done["undelivered"] == {status: 1}
    assert messages(conn, "delivery_status", "delivery_code", "error_message") == [
        (status, None, f"not delivered: {status}")
    ]


@pytest.mark.parametrize("status", ["delivered", "sent", "read"])
def test_the_code_of_a_text_that_arrived_only_explains(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str, status: str
) -> None:
    twilio.deliver(sent_text, status, 30005)
    assert reconcile(flowctl, twilio).json()["undelivered"] == {}
    assert messages(conn, "delivery_status", "delivery_code", "error_message") == [
        (status, "30005", None)
    ]
    assert suppressions(conn) == []


def test_another_programs_text_is_not_counted(
    flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str
) -> None:
    twilio.deliver(sent_text, "delivered")
    with twilio.lock:
        other = twilio.accept({"To": "+14155550199", "Body": "of another program"})
    twilio.deliver(other.sid, "undelivered", 30007)
    assert reconcile(flowctl, twilio).json()["undelivered"] == {}


@pytest.mark.parametrize("code", [30005, 30006, 63014])
def test_a_number_that_blocks_us_or_takes_no_texts_is_suppressed(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str, code: int
) -> None:
    twilio.deliver(sent_text, "undelivered", code)
    assert reconcile_undelivered(flowctl, twilio).json()["suppressed"] == [ADA]
    assert suppressions(conn) == [(ADA, "provider", f"Twilio {code}")]


def test_a_carrier_that_a_short_code_does_not_reach_suppresses_nobody(
    flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str
) -> None:
    twilio.deliver(sent_text, "undelivered", 30006)
    twilio.texts[0].sender = "12345"
    assert reconcile_undelivered(flowctl, twilio).json()["suppressed"] == []


def test_records_of_other_channels_are_left_out_and_stop_nothing(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    addresses: list[Any] = ["whatsapp:+14155550111", "12345", "Acme", "", None]
    for address in addresses:
        twilio.receive(address, "STOP", to=address)
        other = twilio.receive(address, "of another program", to=address)
        other.inbound = False
        twilio.deliver(other.sid, "undelivered", 30005)
    twilio.receive(ADA, "STOP")
    done = reconcile(flowctl, twilio).json()
    assert (done["texts"], done["left_out"], done["suppressed"]) == (11, 10, [ADA])
    assert suppressions(conn) == [(ADA, "reply", "replied STOP")]


def test_a_text_that_went_by_rcs_is_found_and_not_sent_again(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    a_step(conn, type="text", content="Hi {{ first_name }}")
    a_lead(conn)
    twilio.script(Answer(ending="drop"))
    flowctl("dispatch", "--once", env=twilio.environ)
    twilio.texts[0].to = f"rcs:{ADA}"
    let_leases_pass(conn)
    assert reconcile(flowctl, twilio).json()["found"] == 1
    assert messages(conn, "status", "provider_id") == [("sent", twilio.texts[0].sid)]


def test_off_a_terminal_nothing_is_said_when_all_went_well(
    flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str
) -> None:
    twilio.deliver(sent_text, "delivered")
    ran = flowctl("reconcile", env=twilio.environ)
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "")
    assert "1 text listed" in flowctl("reconcile", "--verbose", env=twilio.environ).stdout


def test_what_was_not_delivered_is_told_with_what_to_do(
    flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str
) -> None:
    twilio.deliver(sent_text, "undelivered", 30034)
    ran = flowctl("reconcile", env=twilio.environ)
    assert ran.exit_code == 1
    assert "not delivered: 1 for https://www.twilio.com/docs/api/errors/30034 (reg" in ran.stdout


def test_an_unknown_outcome_is_resolved(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    a_step(conn, type="text", content="Hi {{ first_name }}")
    a_lead(conn)
    twilio.script(Answer(ending="drop"))
    ran = flowctl("dispatch", "--once", "--json", env=twilio.environ)
    assert ran.json()["retrying"] == 1
    conn.execute("update flowctl.sends set lease_until = now() - interval '1 second'")
    assert reconcile(flowctl, twilio).json()["found"] == 1
    (accepted,) = twilio.accepted
    assert messages(conn, "status", "provider_id", "content") == [("sent", accepted.sid, "Hi Ada")]


def test_an_unknown_outcome_that_twilio_never_saw_is_due_again_and_sent_once(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    twilio.script(Answer(accept=False, ending="drop"))
    flowctl("dispatch", "--once", env=twilio.environ)
    let_leases_pass(conn)
    assert reconcile(flowctl, twilio).json()["missing"] == 1
    assert flowctl("dispatch", "--once", "--json", env=twilio.environ).json()["sent"] == 1
    assert len(twilio.accepted) == 1


def test_a_text_just_handed_over_is_asked_about_later(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    twilio.script(Answer(accept=False, ending="drop"))
    flowctl("dispatch", "--once", env=twilio.environ)
    conn.execute("update flowctl.sends set lease_until = now() - interval '1 second'")
    assert reconcile(flowctl, twilio).json()["waiting"] == 1
    assert flowctl("dispatch", "--once", "--json", env=twilio.environ).json()["sent"] == 0


def test_without_credentials_it_says_which(flowctl: RunFlowctl) -> None:
    ran = flowctl("reconcile")
    assert ran.exit_code == 3
    assert ran.stderr.startswith(
        "error: neither Twilio nor a mailbox is configured\nhint: set TWILIO_ACCOUNT"
    )


def test_a_refused_account_is_the_providers_fault(
    flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    ran = flowctl("reconcile", env={**twilio.environ, "TWILIO_AUTH_TOKEN": "wrong"})
    assert ran.exit_code == 6
    assert "wrong" not in ran.stderr


def test_a_span_that_is_none_is_wrong_usage(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    assert flowctl("reconcile", "--since", "soon", env=twilio.environ).exit_code == 2
