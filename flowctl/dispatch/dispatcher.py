"""The coordinator: one thread that claims, begins and records, and many that send."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from threading import Event as Flag
from uuid import UUID

from flowctl.clock import Clock
from flowctl.database import Connection
from flowctl.dispatch.events import Event, EventKind, Observer, Totals
from flowctl.dispatch.lane import Lane
from flowctl.dispatch.ledger import Ledger, Turn, Written
from flowctl.dispatch.link import Link
from flowctl.dispatch.lookup import PAUSE
from flowctl.dispatch.outcomes import Decision, decide, one_line
from flowctl.dispatch.rendering import Ready, Unsendable, render_claimed
from flowctl.dispatch.senders import Answer, Senders
from flowctl.dispatch.unsettled import fail_unanswerable, look_up_texts
from flowctl.errors import DatabaseAway, ProviderStopped
from flowctl.model import Outcome, OutcomeKind, Status
from flowctl.settings import Settings
from flowctl.store.sends import Begun, Claimed, Refused, Result, Run

CLAIM_AHEAD = 25
"""Messages claimed for each sender at a time: a claim is a round trip, whatever its size."""

LARGEST_CLAIM = 500

LATE = timedelta(hours=1)
"""From here on a message counts as late in a run's summary."""

BUSY_PAUSE = timedelta(minutes=1)
"""How long a message rests that waits for one which another dispatcher is sending."""

LAST_PATIENCE = 60.0
"""Seconds for which a dispatcher that was told to stop waits for a database that is away."""

PROBE = 1.0
"""Seconds between two looks for due messages under ``--loop``."""

LEASE_MARGIN = 10.0
"""Seconds by which a lease is longer than a send can take."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How a run behaves. ``concurrency``: messages in flight at most, over all channels; ``limit``: sends
    after which it ends; ``now``: a pretended time; ``interval``: seconds between two looks at unknown
    outcomes under ``--loop``; ``threads``: senders, one for each message in flight unless given."""

    concurrency: int = 10
    lease: timedelta = timedelta(minutes=2)
    limit: int | None = None
    now: datetime | None = None
    interval: float = 10.0
    threads: int | None = None


class Dispatcher:
    """Sends what is due. Make one, call ``run_once`` or ``run_loop``; ``stop`` ends it cleanly.

    ``connect`` opens a database connection (raises DatabaseAway). ``run_id`` names this dispatcher in
    the claims it holds. ``observer`` hears every event, from this thread and from the senders'.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        lanes: Sequence[Lane],
        settings: Settings,
        options: Options,
        *,
        run_id: UUID,
        clock: Clock,
        random: Random,
        observer: Observer,
    ) -> None:
        self.totals = Totals()
        self._settings = settings
        self._options = options
        self._lanes = {lane.channel: lane for lane in lanes}
        self._clock = clock
        self._random = random
        self._observer = observer
        self._stopping = Flag()
        self._stop_by: float | None = None
        self._sends_begun = 0
        slowest = max((lane.transport.send_timeout for lane in lanes), default=0.0)
        run = Run(
            id=run_id,
            lease=max(options.lease, timedelta(seconds=2 * slowest + LEASE_MARGIN)),
            send_timeout=timedelta(seconds=slowest),
            now=options.now,
            max_per_hour=settings.max_per_hour,
        )
        link = Link(connect, pause=self._pause, random=random, on_change=self._database_changed)
        self._ledger = Ledger(link, run)
        threads = options.threads or options.concurrency
        self._senders = Senders(threads if lanes else 0, self._answered)

    def stop(self) -> None:
        """Begin nothing more, finish what is in flight, give the rest back. Safe in a signal handler."""
        self._stopping.set()
        self._senders.wake()

    def run_once(self) -> Totals:
        """Send everything that is due and return what was done.

        Raises DatabaseUnavailable when the database is lost; outcomes already there are waited with.
        """
        try:
            self._settle_unknown()
            self._pass()
        finally:
            self._finish()
        return self.totals

    def run_loop(self) -> Totals:
        """Send what falls due until ``stop`` is called; a database that goes away is waited for."""
        settled_at: float | None = None
        try:
            while not self._stopping.is_set():
                now = self._clock.monotonic()
                try:
                    if settled_at is None or now - settled_at >= self._options.interval:
                        self._settle_unknown()
                        settled_at = now
                    self._pass_if_due(now)
                except DatabaseAway:
                    self._forget_claims()
                    self._ledger.wait_until_back()
                pause = min(PROBE, self._options.interval) * self._random.uniform(0.8, 1.2)
                self._stopping.wait(pause)
        finally:
            self._finish()
        return self.totals

    # one pass

    def _pass_if_due(self, now: float) -> None:
        for lane in self._lanes.values():
            lane.resume(now)
            lane.is_drained = False
        self.totals.is_braked = False
        if self._ledger.is_due([n.channel for n in self._lanes.values() if n.stopped is None]):
            self._pass()

    def _pass(self) -> None:
        """Claim, begin and record until nothing is due and nothing in flight."""
        answers: list[Answer] = []
        while True:
            self._turn(answers)
            wait = self._rate_pause()
            if self._in_flight():
                answers = self._senders.answers(wait)
            elif self._is_done():
                break
            else:
                answers = []
                self._stopping.wait(wait or 0.0)
        self._give_back()

    def _turn(self, answers: Sequence[Answer]) -> None:
        """Write down in one transaction what has come in and what goes out next; then let it go."""
        turn = Turn(lookup_pause=PAUSE)
        decided = [self._decide(turn, answer) for answer in answers]
        batch = self._next_batch()
        turn.intents = [ready.intent for _, ready in batch]
        written = self._ledger.write(turn)
        for lane, ready, outcome, decision in decided:
            self._tell_outcome(lane, ready, outcome, decision, written)
        if written.failure is not None:
            raise written.failure
        for lane, ready in batch:
            self._act_on(lane, ready, written.begun.get(ready.claimed.id))

    def _next_batch(self) -> list[tuple[Lane, Ready]]:
        """What fills the free slots, shared among the channels that have something to send."""
        batch: list[tuple[Lane, Ready]] = []
        if self._stopping.is_set():
            return batch
        wanting = [lane for lane in self._lanes.values() if not lane.is_idle]
        for lane in wanting:
            share = max(1, self._options.concurrency // len(wanting)) - len(lane.in_flight)
            free = self._options.concurrency - self._in_flight() - len(batch)
            slots = self._within_limit(min(share, free), len(batch))
            if slots <= 0 or lane.stopped is not None:
                continue
            self._fill(lane)
            for _ in range(lane.allowance(self._clock.monotonic(), slots)):
                ready = lane.take()
                if ready is None:
                    break
                batch.append((lane, ready))
        return batch

    def _fill(self, lane: Lane) -> None:
        """Claim and render until something is ready, or nothing is due."""
        largest = min(LARGEST_CLAIM, CLAIM_AHEAD * self._options.concurrency)
        while not lane.ready and not lane.is_drained and not self._stopping.is_set():
            wanted = self._within_limit(largest)
            rows = self._ledger.claim(lane.channel, wanted, lane.low) if wanted else []
            due = [row.due_at for row in rows if row.due_at is not None]
            if wanted and len(due) == wanted:
                lane.low = due[-1]
            else:
                # below the mark there may be what was given back meanwhile
                lane.is_drained = lane.low is None or not wanted
                lane.low = None
            self._sort(lane, rows)

    def _sort(self, lane: Lane, rows: Iterable[Claimed]) -> None:
        """Tell what the claim decided, render the others, and fail those that cannot be rendered."""
        turn = Turn()
        failed: list[Claimed] = []
        for row in rows:
            if row.cancelled is not None:
                self._tell(EventKind.CANCELLED, lane, row, detail=row.cancelled)
            elif row.deferred_to is not None:
                self._tell(EventKind.DEFERRED, lane, row, "outside the send window", row.deferred_to)
            else:
                self._tell(EventKind.CLAIMED, lane, row)
                try:
                    lane.ready.append(self._render(lane, row))
                except Unsendable as reason:
                    said = one_line(str(reason))
                    turn.results.append(Result(row.id, Status.FAILED, said, attempted=False))
                    failed.append(row)
        self._ledger.write(turn)
        for row, result in zip(failed, turn.results, strict=True):
            self._tell(EventKind.FAILED, lane, row, result.error or "")

    def _render(self, lane: Lane, row: Claimed) -> Ready:
        try:
            return render_claimed(row, lane.channel, lane.transport_name, self._settings)
        except Unsendable:
            raise
        except Exception as error:
            # A bug of ours must not hold up the other messages.
            log.exception("rendering message %s", row.id)
            raise Unsendable(f"internal error: {type(error).__name__}") from error

    def _act_on(self, lane: Lane, ready: Ready, decision: Begun | None) -> None:
        row = ready.claimed
        if decision is None:
            self._tell(EventKind.TAKEN_OVER, lane, row)
        elif decision.cancelled is not None:
            self._tell(EventKind.CANCELLED, lane, row, decision.cancelled)
        elif decision.deferred_to is not None:
            said = "too soon after the lead's last message"
            self._tell(EventKind.DEFERRED, lane, row, said, decision.deferred_to)
        elif decision.is_braked:
            self.totals.is_braked = True
            lane.ready.appendleft(ready)
        elif decision.is_busy and self._in_flight():
            lane.busy.append(ready)
        elif decision.is_busy:
            self._ledger.release([row.id], BUSY_PAUSE)
            self._tell(EventKind.RELEASED, lane, row, "waits for another message")
        else:
            lane.in_flight[row.id] = ready
            lane.spend()
            self._sends_begun += 1
            self._tell(EventKind.BEGUN, lane, row, ready=ready)
            self._senders.send(lane.transport, ready)

    def _is_done(self) -> bool:
        if self._stopping.is_set() or self.totals.is_braked or self._within_limit(1) == 0:
            return True
        return all(lane.is_idle for lane in self._lanes.values())

    def _within_limit(self, wanted: int, planned: int = 0) -> int:
        limit = self._options.limit
        return wanted if limit is None else min(wanted, limit - self._sends_begun - planned)

    def _in_flight(self) -> int:
        return sum(len(lane.in_flight) for lane in self._lanes.values())

    def _rate_pause(self) -> float | None:
        """Seconds until a rate lets more begin; null where only an answer can make room."""
        now = self._clock.monotonic()
        return min((lane.waits_for(now) for lane in self._lanes.values() if lane.is_paced), default=None)

    # outcomes

    def _decide(self, turn: Turn, answer: Answer) -> tuple[Lane, Ready, Outcome, Decision]:
        """Enter an outcome into the turn, and stop its channel if it says so."""
        channel, ready, outcome = answer
        lane = self._lanes[channel]
        del lane.in_flight[ready.claimed.id]
        self._observe(lane, outcome)
        decision = decide(ready, outcome, self._random, can_look_up=lane.lookup is not None)
        if decision.is_lookup:
            turn.unknown_texts[ready.claimed.id] = decision.result.error or ""
        else:
            turn.results.append(decision.result)
        if decision.suppression is not None:
            turn.refused.append(
                Refused(ready.claimed.id, channel, ready.intent.address, decision.suppression)
            )
        return lane, ready, outcome, decision

    def _observe(self, lane: Lane, outcome: Outcome) -> None:
        stop = lane.observe(outcome, self._clock.monotonic())
        if stop is not None:
            self.totals.stopped[lane.channel] = stop
            said = one_line(f"{stop.code} {stop.detail}")
            self._observer(
                Event(EventKind.CHANNEL_STOPPED, lane.channel, detail=said, outcome=stop)
            )

    def _tell_outcome(
        self, lane: Lane, ready: Ready, outcome: Outcome, decision: Decision, written: Written
    ) -> None:
        row = ready.claimed
        if decision.kind is EventKind.SENT and row.late_by is not None and row.late_by > LATE:
            self.totals.late += 1
            self.totals.latest = max(self.totals.latest, row.late_by)
        said = decision.result.error or ""
        if row.id not in written.recorded and decision.kind is not EventKind.SENT:
            said += " (the message was changed meanwhile)"
        event = self._event(decision.kind, lane, row, said, ready=ready)
        self._emit(replace(event, is_unknown=decision.is_unknown, outcome=outcome))

    def _settle_unknown(self) -> None:
        fail_unanswerable(self._ledger, self._emit)
        for lane in self._lanes.values():
            if lane.lookup is None or lane.stopped is not None:
                continue
            try:
                look_up_texts(self._ledger, lane.lookup, self._emit)
            except ProviderStopped as error:
                stop = Outcome(OutcomeKind.CHANNEL_STOPPED, detail=error.message, hint=error.hint)
                self._observe(lane, stop)

    # the end, and a database that is away

    def _finish(self) -> None:
        """Wait for what is in flight, record it, and give back every claim."""
        self._stopping.set()
        try:
            while self._in_flight():
                self._turn(self._senders.answers(None))
            self._give_back()
        except DatabaseAway as error:
            log.warning("%s; claims end with their lease", error.message)
        finally:
            if not self._in_flight():
                self._senders.close()
            self._ledger.close()

    def _give_back(self) -> None:
        """Release what is claimed and was not begun."""
        held = [ready.claimed.id for lane in self._lanes.values() for ready in lane.held()]
        self._forget_claims()
        self._ledger.release(held)

    def _forget_claims(self) -> None:
        """Leave what is claimed and not begun to its lease."""
        for lane in self._lanes.values():
            lane.ready.clear()
            lane.busy.clear()

    def _pause(self, seconds: float) -> bool:
        """Wait for the database; false when a dispatcher that is to stop has waited long enough."""
        if self._stopping.is_set():
            now = self._clock.monotonic()
            self._stop_by = self._stop_by or now + LAST_PATIENCE
            if now >= self._stop_by:
                return False
            Flag().wait(seconds)
        else:
            self._stopping.wait(seconds)
        return True

    def _database_changed(self, reason: str) -> None:
        kind = EventKind.DATABASE_LOST if reason else EventKind.DATABASE_BACK
        self._observer(Event(kind, detail=reason))

    # telling

    def _answered(self, answer: Answer) -> None:
        channel, ready, outcome = answer
        self._observer(
            Event(EventKind.ANSWERED, channel, ready.claimed.id, detail=outcome.kind, outcome=outcome)
        )

    def _event(
        self,
        kind: EventKind,
        lane: Lane,
        row: Claimed,
        detail: str = "",
        until: datetime | None = None,
        ready: Ready | None = None,
    ) -> Event:
        return Event(
            kind,
            lane.channel,
            row.id,
            row.lead_id,
            row.flow,
            row.key,
            message=ready.message if ready is not None else None,
            detail=detail,
            until=until,
        )

    def _tell(
        self,
        kind: EventKind,
        lane: Lane,
        row: Claimed,
        detail: str = "",
        until: datetime | None = None,
        ready: Ready | None = None,
    ) -> None:
        self._emit(self._event(kind, lane, row, detail, until, ready))

    def _emit(self, event: Event) -> None:
        self.totals.count(event)
        self._observer(event)
