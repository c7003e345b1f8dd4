"""What Twilio tells after a send finds its way into the database, and only that."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.cli import Ran, RunFlowctl
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.twilio_server import Answer, TwilioServer, refuse

ADA = "+14155550123"


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    with TwilioServer() as server:
        yield server


@pytest.fixture
def sent_text(conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer) -> str:
    """The SID of a text that a dispatcher sent."""
    a_step(conn, type="text", content="Hi {{ first_name }}")
    a_lead(conn)
    ran = flowctl("dispatch", "--once", "--json", env=twilio.environ)
    assert ran.json()["sent"] == 1
    ((sid,),) = messages(conn, "provider_id")
    assert isinstance(sid, str)
    return sid


def reconcile(flowctl: RunFlowctl, twilio: TwilioServer) -> Ran:
    ran = flowctl("reconcile", "--json", env=twilio.environ)
    assert (ran.exit_code, ran.stderr) == (0, "")
    return ran


def suppressions(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute("select address, source, reason from suppressions order by 1").fetchall()


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
    done = reconcile(flowctl, twilio).json()
    assert done["undelivered"] == {"30003": 1}
    assert messages(conn, "status", "delivery_status", "error_message") == [
        ("sent", "undelivered", "not delivered: 30003")
    ]
    assert suppressions(conn) == []


@pytest.mark.parametrize("code", [30004, 30005, 30006])
def test_a_number_that_blocks_us_or_takes_no_texts_is_suppressed(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, sent_text: str, code: int
) -> None:
    twilio.deliver(sent_text, "undelivered", code)
    assert reconcile(flowctl, twilio).json()["suppressed"] == [ADA]
    assert suppressions(conn) == [(ADA, "provider", f"Twilio {code}")]


@pytest.mark.parametrize("word", ["STOP", " stop. ", "Unsubscribe", "REVOKE"])
def test_a_stop_suppresses_and_a_later_start_lifts_it(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, word: str
) -> None:
    twilio.receive(ADA, word)
    assert reconcile(flowctl, twilio).json()["suppressed"] == [ADA]
    assert suppressions(conn) == [(ADA, "reply", "replied STOP")]
    assert reconcile(flowctl, twilio).json()["suppressed"] == []
    conn.execute("update suppressions set created_at = created_at - interval '5 seconds'")
    twilio.receive(ADA, "START")
    done = reconcile(flowctl, twilio).json()
    assert (done["suppressed"], done["lifted"]) == ([], [ADA])
    assert suppressions(conn) == []


def test_a_reply_that_only_holds_the_word_is_no_stop(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    twilio.receive(ADA, "don't stop writing")
    reconcile(flowctl, twilio)
    assert suppressions(conn) == []


def test_a_start_lifts_what_the_provider_suppressed_and_never_what_a_person_did(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    conn.execute(
        "insert into suppressions (channel, address, source, created_at) values "
        "('text', '+14155550111', 'manual', now() - interval '1 hour'), "
        "('text', '+14155550112', 'provider', now() - interval '1 hour'), "
        "('text', '+14155550113', 'provider', now() + interval '1 hour')"
    )
    for number in ("+14155550111", "+14155550112", "+14155550113"):
        twilio.receive(number, "start")
    assert reconcile(flowctl, twilio).json()["lifted"] == ["+14155550112"]


def test_an_opt_out_at_the_provider_comes_back_with_start(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    twilio.script(refuse(21610))
    a_step(conn, type="text")
    a_step(conn, type="text", day=1)
    a_lead(conn)
    assert flowctl("dispatch", "--once", "--json", env=twilio.environ).json()["failed"] == 1
    assert messages(conn, "status") == [("failed",), ("cancelled",)]
    conn.execute("update suppressions set created_at = created_at - interval '5 seconds'")
    twilio.receive(ADA, "START")
    assert reconcile(flowctl, twilio).json()["lifted"] == [ADA]


def test_an_unknown_outcome_is_settled(
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
    lag = timedelta(minutes=10)
    conn.execute(
        "update flowctl.sends set lease_until = now() - %s, begun_at = begun_at - %s", (lag, lag)
    )
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
    assert ran.stderr.startswith("error: Twilio is not configured\nhint: set TWILIO_ACCOUNT_SID")


def test_a_refused_account_is_the_providers_fault(
    flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    ran = flowctl("reconcile", env={**twilio.environ, "TWILIO_AUTH_TOKEN": "wrong"})
    assert ran.exit_code == 6
    assert "wrong" not in ran.stderr


def test_a_span_that_is_none_is_wrong_usage(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    assert flowctl("reconcile", "--since", "soon", env=twilio.environ).exit_code == 2
