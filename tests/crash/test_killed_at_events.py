"""A dispatcher is killed at every event of every message's life; another one goes on."""

import pytest

from flowctl.dispatch.events import EventKind
from tests.support.crashing import Death, dispatch_to_the_end, dispatch_until
from tests.support.invariants import (
    add_leads,
    assert_intended,
    assert_once,
    begun,
    let_leases_pass,
    steps_of_both_channels,
)
from tests.support.postgres import Connection
from tests.support.providers import Providers

CONCURRENCY = 3
LEADS = 4


@pytest.mark.parametrize(
    "kind", [EventKind.CLAIMED, EventKind.BEGUN, EventKind.ANSWERED, EventKind.SENT]
)
def test_whenever_a_dispatcher_is_killed_nothing_is_sent_twice_or_lost(
    database: str, conn: Connection, providers: Providers, kind: EventKind
) -> None:
    steps_of_both_channels(conn)
    unknown = 0
    for nth in range(1, 2 * LEADS + 1):
        add_leads(conn, LEADS)
        assert dispatch_until(
            Death(kind, nth), database, providers.environ, concurrency=CONCURRENCY
        )
        assert_intended(conn, providers)
        in_doubt = begun(conn)
        assert in_doubt <= CONCURRENCY
        let_leases_pass(conn)
        dispatch_to_the_end(database, providers.environ, concurrency=CONCURRENCY)
        now_unknown = assert_once(conn, providers)
        assert now_unknown - unknown <= in_doubt
        unknown = now_unknown
    if kind is EventKind.CLAIMED:
        assert unknown == 0
