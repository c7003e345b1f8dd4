"""``public.unsubscribe``: what the page behind the link calls."""

from uuid import UUID

import pytest

from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.sending import begin_sends


def unsubscribe(conn: Connection, message_id: UUID) -> object:
    row = conn.execute("select public.unsubscribe(%s)", (message_id,)).fetchone()
    assert row is not None
    return row[0]


def suppressions(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute("select channel, address, source, message_id from suppressions").fetchall()


def test_the_address_gets_nothing_more_on_its_channel(conn: Connection) -> None:
    a_step(conn, day=1)
    a_step(conn, type="text", day=2)
    a_step(conn, day=3)
    a_lead(conn, email="Ada@Example.com")
    a_lead(conn, email=" ada@example.com", phone=None)
    a_lead(conn, email="bob@example.com", phone=None)
    ids = [row[0] for row in messages(conn, "id")]
    assert unsubscribe(conn, ids[0]) is True
    assert unsubscribe(conn, ids[0]) is True
    ((channel, address, source, _),) = suppressions(conn)
    assert (channel, address, source) == ("email", "ada@example.com", "unsubscribe")
    left = conn.execute(
        "select l.email, m.message_type, count(*) from message_logs m"
        " join leads l on l.id = m.lead_id where m.status = 'pending' group by 1, 2"
    ).fetchall()
    assert set(left) == {
        ("Ada@Example.com", "text", 1),
        (" ada@example.com", "text", 1),
        ("bob@example.com", "email", 2),
        ("bob@example.com", "text", 1),
    }


def test_the_address_is_the_one_that_was_written_to(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn, email="new@example.com")
    conn.execute(
        "update message_logs set status = 'sent', sent_at = now(), recipient = 'old@example.com'"
    )
    ((message_id,),) = messages(conn, "id")
    assert unsubscribe(conn, message_id) is True
    assert suppressions(conn) == [("email", "old@example.com", "unsubscribe", message_id)]


def test_of_a_text_it_is_the_number(conn: Connection) -> None:
    a_step(conn, type="text", day=1)
    a_lead(conn, phone="+1 415 555 0123")
    ((message_id,),) = messages(conn, "id")
    assert unsubscribe(conn, message_id) is True
    assert suppressions(conn) == [("text", "+14155550123", "unsubscribe", message_id)]
    assert messages(conn, "status", "cause") == [("cancelled", "suppressed")]


@pytest.mark.parametrize("email", [None, "no address"])
def test_a_lead_without_an_address_is_stopped_all_the_same(
    conn: Connection, email: str | None
) -> None:
    a_step(conn, day=1)
    a_lead(conn, email=email)
    ((message_id,),) = messages(conn, "id")
    assert unsubscribe(conn, message_id) is True
    assert messages(conn, "status") == [("cancelled",)]


def test_what_is_being_sent_is_left_to_its_dispatcher(conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    begin_sends(conn)
    ((message_id,),) = messages(conn, "id")
    assert unsubscribe(conn, message_id) is True
    assert messages(conn, "status") == [("pending",)]
    assert [row[1] for row in suppressions(conn)] == ["ada@example.com"]


@pytest.mark.parametrize(
    ("source", "later"),
    [("manual", "manual"), ("reply", "unsubscribe"), ("bounce", "unsubscribe")],
)
def test_what_a_person_has_suppressed_keeps_its_source(
    conn: Connection, source: str, later: str
) -> None:
    a_step(conn, day=1)
    a_lead(conn)
    conn.execute(
        "insert into suppressions (channel, address, reason, source)"
        " values ('email', 'ada@example.com', 'asked', %s)",
        (source,),
    )
    ((message_id,),) = messages(conn, "id")
    assert unsubscribe(conn, message_id) is True
    assert [row[2] for row in suppressions(conn)] == [later]


def test_what_does_not_exist_is_said(conn: Connection) -> None:
    assert unsubscribe(conn, UUID(int=1)) is False
    assert suppressions(conn) == []
