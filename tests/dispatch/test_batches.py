"""What is recorded and what is begun in one turn is written together, or nothing of it is."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from flowctl.database import Connection as OwnConnection
from flowctl.database import open_connection
from flowctl.model import Channel, OutgoingMessage, Status
from flowctl.store.claims import claim_due
from flowctl.store.intents import ClaimedMessage, Intent, intent_of
from flowctl.store.outcomes import OutcomeRecord
from flowctl.store.runs import Run
from flowctl.store.sends import begin_sends, record_and_begin
from tests.support.distributed import TEST_CITUS_URL
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection

RUN = Run(UUID(int=1), timedelta(minutes=2))


@pytest.fixture
def connection(database: str, conn: Connection) -> Iterator[OwnConnection]:
    """The dispatcher's own; two messages are due."""
    a_step(conn)
    a_lead(conn)
    a_lead(conn)
    with closing(open_connection(database)) as opened:
        yield opened


def intent(claimed: ClaimedMessage, content: str = "Hello") -> Intent:
    to = "ada@example.com"
    message = OutgoingMessage(claimed.id, claimed.lead_id, Channel.EMAIL, to, "Hello", content)
    return intent_of(claimed, message, transport="smtp", addresses=(to,))


def test_a_turn_records_and_begins(conn: Connection, connection: OwnConnection) -> None:
    one, two = claim_due(connection, RUN, Channel.EMAIL, batch_size=10)
    begin_sends(connection, RUN, [intent(one)])
    sent = OutcomeRecord(one.id, Status.SENT)
    called: list[int] = []
    recorded, begun = record_and_begin(
        connection, RUN, [sent], [intent(two)], lambda: called.append(len(called))
    )
    assert called == [0]
    assert recorded == {one.id}
    assert [result.id for result in begun] == [two.id]
    assert sorted(messages(conn, "status")) == [("pending",), ("sent",)]
    assert conn.execute("select message_id from flowctl.sends").fetchall() == [(two.id,)]


@pytest.mark.skipif(TEST_CITUS_URL in os.environ, reason="parts are written one by one")
def test_a_turn_that_cannot_begin_records_nothing(
    conn: Connection, connection: OwnConnection
) -> None:
    one, two = claim_due(connection, RUN, Channel.EMAIL, batch_size=10)
    begin_sends(connection, RUN, [intent(one)])
    no_text = intent(two, content="\0")
    with pytest.raises(psycopg.DataError):
        record_and_begin(
            connection, RUN, [OutcomeRecord(one.id, Status.SENT)], [no_text], lambda: None
        )
    assert messages(conn, "status") == [("pending",), ("pending",)]
    assert conn.execute("select message_id from flowctl.sends").fetchall() == [(one.id,)]
