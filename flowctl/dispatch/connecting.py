"""The connections of one run to its database."""

from collections.abc import Callable
from random import Random

from flowctl.clock import Clock
from flowctl.database import Connection
from flowctl.dispatch.stopping import StopSignal
from flowctl.reconnecting import ReconnectingConnection


def connections(
    connect: Callable[[], Connection],
    on_change: Callable[[str], None],
    stopping: StopSignal,
    random: Random,
    clock: Clock,
) -> tuple[ReconnectingConnection, ReconnectingConnection]:
    """The one for all, and a second one for claims that are made ahead; each opened when it is
    needed. ``on_change`` is told when the database is lost or back, by the first."""
    first, second = (
        ReconnectingConnection(
            connect,
            pause=stopping.wait_for_database,
            random=random,
            on_change=observer,
            clock=clock,
            limit=stopping.statement_limit,
        )
        for observer in (on_change, lambda _: None)
    )
    return first, second
