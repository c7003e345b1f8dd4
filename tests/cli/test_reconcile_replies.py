"""STOP, START and other answers to texts."""

import pytest

from tests.cli.reconciled import ADA, reconcile, suppressions
from tests.support.cli import RunFlowctl
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.twilio_answers import refuse
from tests.support.twilio_server import TwilioServer


def test_a_stop_by_rcs_is_one_of_the_number(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    twilio.receive(f"rcs:{ADA}", "STOP", to="rcs:acme_agent")
    assert reconcile(flowctl, twilio).json()["suppressed"] == [ADA]


@pytest.mark.parametrize("last", ["STOP", "START"])
def test_of_two_answers_in_one_second_the_later_counts(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer, last: str
) -> None:
    """Twilio's times are whole seconds; its list has the newest first."""
    first = twilio.receive(ADA, "START" if last == "STOP" else "STOP")
    twilio.receive(ADA, last).created_at = first.created_at
    reconcile(flowctl, twilio)
    assert suppressions(conn) == ([(ADA, "reply", "replied STOP")] if last == "STOP" else [])


@pytest.mark.parametrize("word", [" stop. ", "Opt-Out", "Stop. Thank you"])
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
    twilio.receive(ADA, "yes")
    done = reconcile(flowctl, twilio, "--replies").json()
    assert (done["replied"], done["not_understood"]) == (2, 1)
    assert [(one["sender"], one["body"]) for one in done["replies"]] == [
        (ADA, "don't stop writing")
    ]
    assert suppressions(conn) == []


def test_replies_are_listed_where_asked_for(flowctl: RunFlowctl, twilio: TwilioServer) -> None:
    twilio.receive(ADA, "Who is\x1b[31m this?\nAda")
    ran = flowctl("reconcile", "--replies", env=twilio.environ)
    assert ran.exit_code == 0
    assert ADA in ran.stdout
    assert "Who is" in ran.stdout
    assert "\x1b" not in ran.stdout


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


def test_an_answer_ends_the_flows_that_end_with_one(
    conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer
) -> None:
    a_flow(conn, exit_on_reply=True)
    a_flow(conn, "other")
    a_step(conn, type="text")
    a_step(conn, type="text", day=3)
    a_step(conn, type="text", flow="other", day=3)
    a_lead(conn)
    flowctl("dispatch", "--once", env=twilio.environ)
    twilio.receive(ADA, "tell me more")
    assert reconcile(flowctl, twilio).json()["replied"] == 1
    assert messages(conn, "status", "cause") == [
        ("sent", None), ("cancelled", "replied"), ("pending", None),
    ]  # fmt: skip
    # each answer counts once: the lead may be brought back
    conn.execute("update message_logs set status = 'pending', cause = null where status <> 'sent'")
    reconcile(flowctl, twilio)
    assert [row[0] for row in messages(conn, "status")] == ["sent", "pending", "pending"]
