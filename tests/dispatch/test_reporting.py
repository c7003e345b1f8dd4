"""What an observer is told of."""

from flowctl.dispatch.events import UNCOUNTED, Event, EventKind
from flowctl.model import Channel
from tests.support.dispatching import RecordingTransport, a_dispatcher
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection


def test_who_does_not_want_to_hear_of_steps_is_told_how_messages_end(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    a_lead(conn, email=None)
    events: list[Event] = []
    emails = RecordingTransport(Channel.EMAIL)
    totals = a_dispatcher(database, [emails], events.append, observed=()).run_once()
    assert (totals.sent, totals.no_address) == (1, 1)
    assert {event.kind for event in events} == {EventKind.SENT, EventKind.CANCELLED}


def test_no_total_counts_a_step(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    events: list[Event] = []
    emails = RecordingTransport(Channel.EMAIL)
    dispatcher = a_dispatcher(database, [emails], events.append, observed=[EventKind.BEGUN])
    dispatcher.run_once()
    kinds = [event.kind for event in events]
    assert kinds == [EventKind.BEGUN, EventKind.SENT]
    before = repr(dispatcher.totals)
    for kind in UNCOUNTED:
        dispatcher.totals.count(Event(kind))
    assert repr(dispatcher.totals) == before
