"""What the database must know before and after a send; the one user of the connection in a run."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from flowctl.database import Connection
from flowctl.dispatch.background import Background
from flowctl.errors import DatabaseUnavailable, FlowctlError
from flowctl.model import Channel, JsonObject
from flowctl.reconnecting import Worker
from flowctl.store import claims, due, flows, identity, outcomes, recovery, sends
from flowctl.store.intents import BeginResult, ClaimedMessage, Intent
from flowctl.store.outcomes import OutcomeRecord
from flowctl.store.recovery import Lookup
from flowctl.store.refusals import Refused, suppress_recipients
from flowctl.store.runs import Run

log = logging.getLogger(__name__)


def _nothing() -> None:
    """What there is to do meanwhile, unless somebody says it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What was claimed, and who the messages of a flow come from, for each that says so."""

    rows: list[ClaimedMessage]
    senders: dict[str, JsonObject]


@dataclass(slots=True)
class Batch:
    """One transaction of a run: the outcomes that have come in, and what is to be begun next.

    ``unknown_texts`` (message to words) keep their sends, for a look-up after ``lookup_pause``.
    """

    results: list[OutcomeRecord] = field(default_factory=list)
    unknown_texts: dict[UUID, str] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    lookup_pause: timedelta = timedelta(minutes=1)

    @property
    def has_outcomes(self) -> bool:
        """Whether there is anything to record."""
        return bool(self.results or self.unknown_texts)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to write but results and intents, as almost always."""
        return not (self.unknown_texts or self.refused)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch did: the messages that took their outcome, and the decision about each intent.

    ``failure``: the outcomes are written, and nothing was begun because of this.
    """

    recorded: set[UUID]
    begun: dict[UUID, BeginResult] = field(default_factory=dict)
    failure: FlowctlError | None = None


@dataclass(frozen=True, slots=True)
class LookupResult:
    """What looking up texts has led to: ``unsent`` ones are due again, or failed for good where
    true; ``later`` ones are to be asked about again.
    """

    sent: set[UUID]
    unsent: dict[UUID, bool]
    later: list[UUID]


class Batches:
    """Claims, batches and releases of one run.

    ``allows_copy``: a copy of a database is served, too, since nobody is written to. ``second`` is
    for claims that are made ahead.
    """

    def __init__(
        self,
        connection: Worker,
        run: Run,
        *,
        allows_copy: bool = False,
        second: Worker | None = None,
    ) -> None:
        self._connection = connection
        self._second = second
        self._run = run
        self._allows_copy = allows_copy
        self._claiming = Background("claiming")

    def claim(self, channel: Channel, batch_size: int, low: datetime | None) -> Claim:
        """Claim what is due.

        Raises DatabaseUnavailable where the role cannot read every lead, and InputError where the
        database has become a copy: promoted, or restored over.
        """
        return self._claim(self._connection, channel, batch_size, low)

    def claim_ahead(
        self, channel: Channel, batch_size: int, low: datetime | None
    ) -> Future[Claim] | None:
        """As :meth:`claim`, over the second connection while others are being sent; null without
        one."""
        second = self._second
        if second is None:
            return None
        return self._claiming.start(lambda: self._claim(second, channel, batch_size, low))

    def write(self, batch: Batch, meanwhile: Callable[[], None] = _nothing) -> BatchResult:
        """Record outcomes and begin sends in one transaction.

        ``meanwhile`` is called where the answer is waited for: not always, and again where the work
        is repeated. Outcomes are written however long the database is away; raises
        DatabaseUnavailable only when the wait for it is given up.
        """
        if not batch.intents:
            recorded = (
                self._connection.run_until_done(lambda c: self._record(c, batch))
                if batch.has_outcomes
                else set()
            )
            return BatchResult(recorded)
        try:
            return self._connection.run(lambda c: self._record_and_begin(c, batch, meanwhile))
        except FlowctlError as failure:
            # Whether it was committed is unknown; that nothing was handed over is certain.
            recorded = self._connection.run_until_done(
                lambda c: self._record_and_take_back(c, batch)
            )
            return BatchResult(recorded, failure=failure)

    def release(self, ids: Sequence[UUID], pause: timedelta | None = None) -> set[UUID]:
        """Give back claims whose messages were not begun; returns those that were still ours."""
        if not ids:
            return set()
        return self._connection.run(lambda c: claims.release_claims(c, self._run, ids, pause=pause))

    def renew(self, ids: Sequence[UUID]) -> None:
        """Have claims, and sends in flight, last for another lease from now."""
        if ids:
            self._connection.run(lambda c: claims.renew_leases(c, self._run, ids))

    def is_due(self, channels: Sequence[Channel]) -> bool:
        """Whether there is anything to claim."""
        return self._connection.run(lambda c: due.is_due(c, self._run, channels))

    def rescue(self) -> list[UUID]:
        """End the sends of dead dispatchers that nobody can be asked about.

        Returns the messages that failed by it.
        """
        rescued = self._connection.run(recovery.rescue_expired)
        return [message_id for message_id, transport in rescued if transport != "outbox"]

    def claim_lookups(self, batch_size: int) -> list[Lookup]:
        """Take texts whose outcome is to be looked up."""
        return self._connection.run(
            lambda c: recovery.claim_lookups(c, self._run, batch_size=batch_size)
        )

    def accounted_for(self, provider_ids: Sequence[str]) -> set[str]:
        """Which of the provider's messages already belong to one of ours."""
        return self._connection.run(lambda c: recovery.known_provider_ids(c, provider_ids))

    def resolve(
        self,
        found: Mapping[UUID, str],
        missing: Sequence[UUID],
        waiting: Sequence[UUID],
        pause: timedelta,
    ) -> LookupResult:
        """Write what looking up texts has shown."""
        asked = [*found, *missing, *waiting]

        def work(connection: Connection) -> LookupResult:
            with connection.transaction():
                sent = recovery.resolve_found(connection, self._run, found, asked)
                unsent = recovery.resolve_missing(connection, self._run, missing)
                later = [*waiting, *(found.keys() - sent)]
                recovery.postpone_lookups(connection, self._run, later, pause=pause)
            return LookupResult(sent, unsent, later)

        return self._connection.run_until_done(work)

    def wait_until_back(self, pause: Callable[[float], bool]) -> None:
        """Wait for a database that is away or refuses. Raises DatabaseUnreachable when ``pause``
        says no."""
        self._connection.run_until_done(claims.check_writable, pause)

    def close(self) -> None:
        """Close the connections; the second ends with the process where it waits for an answer."""
        self._connection.close()
        if self._second is not None and not self._claiming.is_busy:
            self._second.close()
        self._claiming.close()

    def _claim(
        self, worker: Worker, channel: Channel, batch_size: int, low: datetime | None
    ) -> Claim:
        def claim(connection: Connection) -> Claim:
            if not self._allows_copy:
                identity.require_original(connection)
            rows = claims.claim_due(connection, self._run, channel, batch_size=batch_size, low=low)
            return Claim(rows, flows.flow_senders(connection) if rows else {})

        found = worker.run(claim)
        if any(row.is_unseen for row in found.rows):
            raise DatabaseUnavailable(
                "this database role cannot read all leads",
                hint="grant it select on leads, and a policy that shows it every row",
            )
        return found

    def _record(self, connection: Connection, batch: Batch) -> set[UUID]:
        with connection.transaction():
            return self._record_in_transaction(connection, batch)

    def _record_and_begin(
        self, connection: Connection, batch: Batch, meanwhile: Callable[[], None]
    ) -> BatchResult:
        if batch.is_plain:
            recorded, begun = sends.record_and_begin(
                connection, self._run, batch.results, batch.intents, meanwhile
            )
            return BatchResult(recorded, {one.id: one for one in begun})
        with connection.transaction():
            sends.lock_guarded(connection, self._run, batch.intents)
            recorded = self._record_in_transaction(connection, batch)
            begun = sends.begin_sends(connection, self._run, batch.intents)
        return BatchResult(recorded, {one.id: one for one in begun})

    def _record_and_take_back(self, connection: Connection, batch: Batch) -> set[UUID]:
        ids = [intent.id for intent in batch.intents]
        with connection.transaction():
            recorded = self._record_in_transaction(connection, batch)
            sends.abandon_sends(connection, self._run, ids)
            claims.release_claims(connection, self._run, ids)
        return recorded

    def _record_in_transaction(self, connection: Connection, batch: Batch) -> set[UUID]:
        recorded: set[UUID] = set()
        if batch.results:
            recorded |= outcomes.record_outcomes(connection, self._run, batch.results)
        if batch.unknown_texts:
            recorded |= outcomes.keep_unknown_texts(
                connection, self._run, batch.unknown_texts, pause=batch.lookup_pause
            )
        if batch.refused:
            for left in suppress_recipients(connection, batch.refused):
                log.warning(
                    "message %s: the database refuses to suppress its address (%s)",
                    left.message_id,
                    left.reason,
                )
        return recorded
