"""What dead dispatchers leave begun, each transport in its way."""

import pytest

from flowctl.dispatch.events import EventKind
from flowctl.model import Channel
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.sending import begin_sends


@pytest.fixture
def begun(conn: Connection) -> None:
    """An email whose dispatcher died while it was handed over."""
    a_step(conn)
    a_lead(conn)
    begin_sends(conn)
    conn.execute("update flowctl.sends set lease_until = now() - interval '1 second'")


@pytest.mark.usefixtures("begun")
def test_an_email_fails_and_is_reported(database: str, conn: Connection) -> None:
    ran = dispatch_once(database)
    assert (ran.totals.sent, ran.totals.failed, ran.totals.unknown) == (0, 1, 1)
    assert [event.is_unknown for event in ran.events if event.kind is EventKind.FAILED] == [True]
    assert messages(conn, "status", "is_unknown", "attempts") == [("failed", True, 1)]


@pytest.mark.usefixtures("begun")
def test_an_email_that_was_cancelled_meanwhile_may_have_gone_out(
    database: str, conn: Connection
) -> None:
    conn.execute("update message_logs set status = 'cancelled'")
    dispatch_once(database)
    assert messages(conn, "status", "is_unknown") == [("failed", True)]


@pytest.mark.usefixtures("begun")
def test_a_file_of_an_outbox_is_written_again(database: str, conn: Connection) -> None:
    conn.execute("update flowctl.sends set transport = 'outbox'")
    ran = dispatch_once(database)
    assert (ran.totals.sent, ran.totals.failed, ran.totals.unknown) == (1, 0, 0)
    assert [event for event in ran.events if event.kind is EventKind.FAILED] == []
    assert messages(conn, "status", "is_unknown", "attempts") == [("sent", False, 2)]


@pytest.mark.usefixtures("begun")
def test_a_file_of_an_outbox_is_never_in_doubt(database: str, conn: Connection) -> None:
    conn.execute("update flowctl.sends set transport = 'outbox'")
    dispatch_once(database, channels=[Channel.TEXT])
    assert messages(conn, "status", "is_unknown") == [("pending", False)]
