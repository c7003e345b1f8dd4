"""What the database must know before and after a send; the one user of the connection in a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from flowctl.database import Connection
from flowctl.dispatch.link import Link
from flowctl.errors import DatabaseUnavailable, FlowctlError
from flowctl.model import Channel
from flowctl.store import sends
from flowctl.store.sends import Begun, Claimed, Intent, Lookup, Refused, Result, Run


@dataclass(slots=True)
class Turn:
    """One transaction of a run: the outcomes that have come in, and what is to be begun next.

    ``unknown_texts`` (message to words) keep their sends, for a look-up after ``lookup_pause``.
    """

    results: list[Result] = field(default_factory=list)
    unknown_texts: dict[UUID, str] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    lookup_pause: timedelta = timedelta(minutes=1)

    @property
    def has_outcomes(self) -> bool:
        """Whether there is anything to record."""
        return bool(self.results or self.unknown_texts)


@dataclass(frozen=True, slots=True)
class Written:
    """What a turn did: the messages that took their outcome, and the decision about each intent.

    ``failure``: the outcomes are written, and nothing was begun because of this.
    """

    recorded: set[UUID]
    begun: dict[UUID, Begun] = field(default_factory=dict)
    failure: FlowctlError | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What looking up texts has led to: ``unsent`` ones are due again, or failed for good where
    true; ``later`` ones are to be asked about again.
    """

    sent: set[UUID]
    unsent: dict[UUID, bool]
    later: list[UUID]


class Ledger:
    """Claims, turns and releases of one run, over a connection that comes back when it is lost."""

    def __init__(self, link: Link, run: Run) -> None:
        self._link = link
        self._run = run

    def claim(self, channel: Channel, batch_size: int, low: datetime | None) -> list[Claimed]:
        """Claim what is due. Raises DatabaseUnavailable where the role cannot read every lead."""
        rows = self._link.once(
            lambda c: sends.claim_due(c, self._run, channel, batch_size=batch_size, low=low)
        )
        if any(row.is_unseen for row in rows):
            raise DatabaseUnavailable(
                "this database role cannot read all leads",
                hint="grant it select on leads, and a policy that shows it every row",
            )
        return rows

    def write(self, turn: Turn) -> Written:
        """Record outcomes and begin sends in one transaction.

        Outcomes are written however long the database is away; raises DatabaseUnavailable only when
        the wait for it is given up.
        """
        if not turn.intents:
            recorded = (
                self._link.surely(lambda c: self._record(c, turn)) if turn.has_outcomes else set()
            )
            return Written(recorded)
        try:
            return self._link.once(lambda c: self._record_and_begin(c, turn))
        except FlowctlError as failure:
            # Whether it was committed is unknown; that nothing was handed over is certain.
            recorded = self._link.surely(lambda c: self._record_and_take_back(c, turn))
            return Written(recorded, failure=failure)

    def release(self, ids: Sequence[UUID], pause: timedelta | None = None) -> None:
        """Give back claims whose messages were not begun."""
        if ids:
            self._link.once(lambda c: sends.release_claims(c, self._run, ids, pause=pause))

    def is_due(self, channels: Sequence[Channel]) -> bool:
        """Whether there is anything to claim."""
        return self._link.once(lambda c: sends.is_due(c, channels, self._run.now))

    def rescue(self) -> list[UUID]:
        """End the sends of dead dispatchers that nobody can be asked about.

        Returns the messages that failed by it.
        """
        rescued = self._link.once(sends.rescue_expired)
        return [message_id for message_id, transport in rescued if transport != "outbox"]

    def claim_lookups(self, batch_size: int) -> list[Lookup]:
        """Take texts whose outcome is to be looked up."""
        return self._link.once(lambda c: sends.claim_lookups(c, self._run, batch_size=batch_size))

    def accounted_for(self, provider_ids: Sequence[str]) -> set[str]:
        """Which of the provider's messages already belong to one of ours."""
        return self._link.once(lambda c: sends.known_provider_ids(c, provider_ids))

    def settle(
        self,
        found: Mapping[UUID, str],
        missing: Sequence[UUID],
        waiting: Sequence[UUID],
        pause: timedelta,
    ) -> Settled:
        """Write what looking up texts has shown."""
        asked = [*found, *missing, *waiting]

        def work(connection: Connection) -> Settled:
            with connection.transaction():
                sent = sends.settle_found(connection, self._run, found, asked)
                unsent = sends.settle_missing(connection, self._run, missing)
                later = [*waiting, *(found.keys() - sent)]
                sends.postpone_lookups(connection, self._run, later, pause=pause)
            return Settled(sent, unsent, later)

        return self._link.surely(work)

    def wait_until_back(self, pause: Callable[[float], bool]) -> None:
        """Wait for a database that is away. Raises DatabaseAway when ``pause`` says no."""
        self._link.surely(lambda c: c.execute("select 1"), pause)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _record(self, connection: Connection, turn: Turn) -> set[UUID]:
        with connection.transaction():
            return self._record_in_transaction(connection, turn)

    def _record_and_begin(self, connection: Connection, turn: Turn) -> Written:
        with connection.transaction():
            sends.lock_guarded(connection, self._run, turn.intents)
            recorded = self._record_in_transaction(connection, turn)
            begun = sends.begin_sends(connection, self._run, turn.intents)
        return Written(recorded, {one.id: one for one in begun})

    def _record_and_take_back(self, connection: Connection, turn: Turn) -> set[UUID]:
        ids = [intent.id for intent in turn.intents]
        with connection.transaction():
            recorded = self._record_in_transaction(connection, turn)
            sends.abandon_sends(connection, self._run, ids)
            sends.release_claims(connection, self._run, ids)
        return recorded

    def _record_in_transaction(self, connection: Connection, turn: Turn) -> set[UUID]:
        recorded: set[UUID] = set()
        if turn.results:
            recorded |= sends.record_outcomes(connection, self._run, turn.results)
        if turn.unknown_texts:
            recorded |= sends.keep_unknown_texts(
                connection, self._run, turn.unknown_texts, pause=turn.lookup_pause
            )
        if turn.refused:
            sends.suppress_recipients(connection, turn.refused)
        return recorded
