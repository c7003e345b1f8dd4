"""Texts with an unknown outcome are looked up: what the provider has is never sent again."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from flowctl.clock import SystemClock
from flowctl.database import open_connection
from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import EventKind, Totals
from flowctl.dispatch.options import Options
from flowctl.errors import ProviderStopped
from flowctl.model import Channel, Outcome, OutcomeKind, TextRecord
from flowctl.settings import Settings
from tests.support.crashing import Death
from tests.support.dispatching import RUN_IDS
from tests.support.factories import a_lead, a_step, messages
from tests.support.invariants import let_leases_pass
from tests.support.mortal import Life, dispatch_mortally
from tests.support.postgres import Connection
from tests.support.recording import RecordingProvider, accepts

UNKNOWN = Outcome(OutcomeKind.UNKNOWN, detail="no answer")
NUMBER = "+14155550123"


def dispatch(database: str, texts: RecordingProvider, **options: int) -> Totals:
    return Dispatcher(
        lambda: open_connection(database),
        [texts.state()],
        Settings.from_env({}),
        Options(concurrency=options.get("concurrency", 4)),
        run_id=UUID(int=next(RUN_IDS)),
        clock=SystemClock(),
        random=Random(1),  # noqa: S311 - jitter
        observer=lambda _: None,
    ).run_once()


def texts_without_an_answer(*, keeps: bool) -> RecordingProvider:
    return RecordingProvider(Channel.TEXT, lambda _: UNKNOWN, keeps_unknown=keeps)


def two_leads_of_one_number(conn: Connection) -> None:
    a_step(conn, type="text", content="the same for both")
    a_lead(conn)
    a_lead(conn)


def test_what_the_provider_has_was_sent_when_it_was_begun(database: str, conn: Connection) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = texts_without_an_answer(keeps=True)
    totals = dispatch(database, texts)
    assert (totals.retrying, totals.unknown, totals.failed) == (1, 0, 0)
    ((status, is_unknown, error),) = messages(conn, "status", "is_unknown", "error_message")
    assert (status, is_unknown, error) == ("pending", True, "unknown outcome: no answer")
    let_leases_pass(conn)
    ((begun_at,),) = conn.execute("select begun_at from flowctl.sends").fetchall()
    assert dispatch(database, texts).sent == 1
    assert messages(conn, "status", "provider_id", "sent_at", "attempts", "error_message") == [
        ("sent", "SM0", begun_at, 1, None)
    ]
    assert messages(conn, "is_unknown") == [(False,)]
    assert len(texts.taken) == 1


def test_a_text_is_found_though_the_providers_clock_is_behind(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = texts_without_an_answer(keeps=True)
    dispatch(database, texts)
    texts.taken = [replace(one, at=one.at - timedelta(minutes=1)) for one in texts.taken]
    conn.execute("update flowctl.sends set lease_until = now() - interval '1 second'")
    assert dispatch(database, texts).sent == 1
    assert len(texts.taken) == 1


def test_what_the_provider_does_not_have_after_the_lag_is_sent_again(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = texts_without_an_answer(keeps=False)
    dispatch(database, texts)
    let_leases_pass(conn)
    texts.answer = accepts
    assert dispatch(database, texts).sent == 1
    assert messages(conn, "status", "provider_id", "attempts") == [("sent", "SM0", 2)]


@pytest.mark.parametrize("minutes", [0, 4], ids=["just sent", "most of the lag ago"])
def test_a_list_that_lags_is_waited_for(database: str, conn: Connection, minutes: int) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = texts_without_an_answer(keeps=False)
    dispatch(database, texts)
    conn.execute(
        "update flowctl.sends set lease_until = now() - interval '1 second',"
        " begun_at = now() - make_interval(mins => %s)",
        (minutes,),
    )
    totals = dispatch(database, texts)
    assert (totals.sent, totals.retrying) == (0, 1)
    ((waits,),) = conn.execute("select lease_until > now() from flowctl.sends").fetchall()
    assert waits
    assert messages(conn, "status", "attempts") == [("pending", 1)]


def test_a_text_without_any_answer_is_given_up_after_the_last_attempt(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = texts_without_an_answer(keeps=False)
    for _ in range(10):
        dispatch(database, texts)
        let_leases_pass(conn)
    assert messages(conn, "status", "attempts", "error_message") == [
        ("failed", 5, "gave up after 5 attempts: not found at the provider")
    ]


def test_a_text_that_kills_its_dispatcher_is_given_up_too(database: str, conn: Connection) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = RecordingProvider(Channel.TEXT)
    conn.execute("update message_logs set attempts = 4")
    leave_begun(conn)
    assert dispatch(database, texts).failed == 1
    assert messages(conn, "status", "attempts") == [("failed", 5)]


def test_an_attempt_whose_dispatcher_died_counts(database: str, conn: Connection) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    texts = RecordingProvider(Channel.TEXT)
    death = Death(EventKind.ANSWERED, 1)
    dispatch_mortally(database, [texts], Life(death), concurrency=1)
    let_leases_pass(conn)
    assert dispatch(database, texts).sent == 1
    assert messages(conn, "status", "attempts") == [("sent", 1)]


def test_two_texts_alike_get_a_record_each(database: str, conn: Connection) -> None:
    two_leads_of_one_number(conn)
    texts = texts_without_an_answer(keeps=True)
    dispatch(database, texts)
    let_leases_pass(conn)
    assert dispatch(database, texts).sent == 2
    assert sorted(messages(conn, "status", "provider_id")) == [("sent", "SM0"), ("sent", "SM1")]


def test_a_record_of_a_message_that_is_sent_stands_for_no_other(
    database: str, conn: Connection
) -> None:
    two_leads_of_one_number(conn)
    texts = RecordingProvider(Channel.TEXT, keeps_unknown=False)
    texts.answer = lambda _: UNKNOWN if texts.taken else accepts(_)
    dispatch(database, texts, concurrency=1)
    let_leases_pass(conn)
    texts.answer = accepts
    assert dispatch(database, texts).sent == 1
    assert sorted(messages(conn, "status", "provider_id")) == [("sent", "SM0"), ("sent", "SM1")]


def test_a_record_that_may_belong_to_a_send_under_way_is_left_for_later(
    database: str, conn: Connection
) -> None:
    two_leads_of_one_number(conn)
    texts = RecordingProvider(Channel.TEXT)
    dispatch(database, texts, concurrency=1)
    ((first, _), (second, _)) = messages(conn, "id", "provider_id")
    conn.execute("alter table message_logs disable trigger guard_sent_message")
    conn.execute("update message_logs set status = 'pending', provider_id = null, sent_at = null")
    leave_begun(conn)
    conn.execute(
        "update flowctl.sends set lease_until = now() + interval '1 minute' "
        "where message_id = %s", (second,)
    )  # fmt: skip
    totals = dispatch(database, texts)
    assert (totals.sent, totals.retrying) == (0, 1)
    rows = conn.execute("select message_id from flowctl.sends").fetchall()
    assert {row[0] for row in rows} == {first, second}


def test_a_message_that_was_cancelled_meanwhile_is_sent_if_the_provider_has_it(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn)
    a_lead(conn, phone="+14155550124")
    texts = texts_without_an_answer(keeps=True)
    texts.answer = lambda message: UNKNOWN if message.recipient == NUMBER else BUSY
    dispatch(database, texts)
    leave_begun(conn)
    conn.execute("update message_logs set status = 'cancelled'")
    let_leases_pass(conn)
    dispatch(database, texts)
    assert sorted(messages(conn, "status", "recipient")) == [
        ("cancelled", "+14155550124"), ("sent", NUMBER),
    ]  # fmt: skip
    assert conn.execute("select from flowctl.sends").fetchall() == []


BUSY = Outcome(OutcomeKind.DEFERRED, "503")


def leave_begun(conn: Connection) -> None:
    """What a dispatcher leaves that died in the middle of sending every message."""
    conn.execute(
        "update message_logs set retry_at = null, claimed_by = gen_random_uuid(), "
        "lease_until = now() - interval '1 second' where status = 'pending'"
    )
    conn.execute(
        """
        insert into flowctl.sends (
          message_id, lead_id, flow_step_id, channel, transport, recipient, content, claimed_by,
          begun_at, lease_until
        )
        select
          m.id, m.lead_id, m.flow_step_id, m.message_type, 'twilio', l.phone,
          replace(m.content, '{{ first_name | default: ''friend'' }}', l.first_name), m.claimed_by,
          now() - interval '6 minutes', now() - interval '1 second'
        from message_logs m inner join leads l on l.id = m.lead_id
        where m.status = 'pending'
        on conflict do nothing
        """
    )


def test_a_provider_that_gives_no_list_loses_nothing(database: str, conn: Connection) -> None:
    class Silent(RecordingProvider):
        def find(self, recipient: str, since: datetime) -> list[TextRecord]:
            raise ProviderStopped(f"no list for {recipient} since {since}", hint="later")

    a_step(conn, type="text")
    for number in range(3):
        a_lead(conn, phone=f"+1415555012{number}")
    texts = texts_without_an_answer(keeps=True)
    dispatch(database, texts)
    let_leases_pass(conn)
    totals = dispatch(database, Silent(Channel.TEXT))
    assert (set(totals.stopped), totals.retrying) == ({Channel.TEXT}, 3)
    let_leases_pass(conn)
    assert dispatch(database, texts).sent == 3
    assert len(texts.taken) == 3
