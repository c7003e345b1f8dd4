"""The coordinator: one thread that claims, begins and records, and many that send."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from random import Random
from threading import Event as Flag
from uuid import UUID

from flowctl.clock import Clock
from flowctl.database import Connection
from flowctl.dispatch.events import EventKind, Observer, Totals
from flowctl.dispatch.feed import Feed
from flowctl.dispatch.lane import Lane
from flowctl.dispatch.ledger import Ledger, Turn
from flowctl.dispatch.link import Link
from flowctl.dispatch.lookup import PAUSE
from flowctl.dispatch.options import (
    BRAKE_REST,
    BUSY_PAUSE,
    CLAIM_AHEAD,
    LARGEST_CLAIM,
    LAST_PATIENCE,
    LEASE_MARGIN,
    PROBE,
    Options,
)
from flowctl.dispatch.outcomes import Decision, decide
from flowctl.dispatch.rendering import Ready
from flowctl.dispatch.senders import Answer, Senders
from flowctl.dispatch.telling import Teller
from flowctl.dispatch.unsettled import fail_unanswerable, look_up_texts
from flowctl.errors import DatabaseAway, FlowctlError, ProviderStopped
from flowctl.model import Outcome, OutcomeKind
from flowctl.settings import Settings
from flowctl.store.sends import Begun, Refused, Run

log = logging.getLogger(__name__)


class Dispatcher:
    """Sends what is due. Make one, call ``run_once`` or ``run_loop``; ``stop`` ends it cleanly.

    ``connect`` opens a database connection (raises DatabaseAway). ``run_id`` names this dispatcher
    in the claims it holds. ``observer`` hears every event, from this thread and from the senders'.
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
        self._options = options
        self._lanes = {lane.channel: lane for lane in lanes}
        self._clock = clock
        self._random = random
        self._stopping = Flag()
        self._stop_by: float | None = None
        self._braked_until = 0.0
        self._sends_begun = 0
        self._teller = Teller(observer, self.stop)
        slowest = max((lane.transport.send_timeout for lane in lanes), default=0.0)
        run = Run(
            id=run_id,
            lease=max(options.lease, timedelta(seconds=slowest + LEASE_MARGIN)),
            now=options.now,
            max_per_hour=settings.max_per_hour,
        )
        link = Link(connect, pause=self._pause, random=random, on_change=self._teller.database)
        self._ledger = Ledger(link, run)
        self._feed = Feed(self._ledger, settings, self._teller, self._stopping)
        threads = (options.threads or options.concurrency) if lanes else 0
        self._senders = Senders(threads, self._teller.answered)

    @property
    def totals(self) -> Totals:
        """What the run did so far."""
        return self._teller.totals

    def stop(self) -> None:
        """Begin nothing more, finish what is in flight, give the rest back.

        Safe to call in a signal handler.
        """
        self._stopping.set()
        self._senders.wake()

    def run_once(self) -> Totals:
        """Send everything that is due and return what was done.

        Raises DatabaseUnavailable when the database is lost; outcomes that are already there are
        kept until it is back.
        """
        with self._in_order():
            self._settle_unknown()
            self._pass()
        return self.totals

    def run_loop(self) -> Totals:
        """Send what falls due until ``stop`` is called; a database that goes away is waited for."""
        settled_at: float | None = None
        with self._in_order():
            while not self._stopping.is_set():
                now = self._clock.monotonic()
                try:
                    if settled_at is None or now - settled_at >= self._options.interval:
                        self._settle_unknown()
                        settled_at = now
                    self._pass_if_due(now)
                except DatabaseAway:
                    self._wait_for_database()
                pause = min(PROBE, self._options.interval) * self._random.uniform(0.8, 1.2)
                self._stopping.wait(pause)
        return self.totals

    # one pass

    def _pass_if_due(self, now: float) -> None:
        for lane in self._lanes.values():
            lane.resume(now)
            lane.is_drained = False
        if now < self._braked_until:
            return
        self.totals.is_braked = False
        channels = [lane.channel for lane in self._lanes.values() if lane.stopped is None]
        # After the database was away there may be sends whose outcome is still to be recorded.
        if self._in_flight() or self._ledger.is_due(channels):
            self._pass()
        if self.totals.is_braked:
            self._braked_until = now + BRAKE_REST

    def _pass(self) -> None:
        """Claim, begin and record until nothing is due and nothing in flight."""
        answers: list[Answer] = []
        while True:
            self._turn(answers)
            wait = self._rate_pause()
            if self._in_flight():
                answers = self._senders.answers(wait, self._in_flight())
            elif self._is_done():
                break
            else:
                answers = []
                self._stopping.wait(wait or 0.0)
        self._give_back()

    def _turn(self, answers: Sequence[Answer]) -> None:
        """Write down in one transaction what came in and what goes out next; then let it go."""
        turn = Turn(lookup_pause=PAUSE)
        decided = [self._decide(turn, answer) for answer in answers]
        batch: list[tuple[Lane, Ready]] = []
        failure: FlowctlError | None = None
        try:
            self._fill(batch)
        except FlowctlError as error:
            # what came in is written all the same
            failure = error
            for lane, ready in reversed(batch):
                lane.ready.appendleft(ready)
            batch.clear()
        turn.intents = [ready.intent for _, ready in batch]
        written = self._ledger.write(turn)
        for ready, outcome, decision in decided:
            took = ready.claimed.id in written.recorded or decision.kind is EventKind.SENT
            self._teller.recorded(ready, outcome, decision, took=took)
        if written.failure is not None:
            raise written.failure
        for lane, ready in batch:
            self._act_on(lane, ready, written.begun.get(ready.claimed.id))
        if failure is not None:
            raise failure
        self._rest_busy(written.begun)

    def _fill(self, batch: list[tuple[Lane, Ready]]) -> None:
        """Add what fills the free slots, shared among the channels that have something to send."""
        if self._stopping.is_set() or self.totals.is_braked:
            return
        wanting = [lane for lane in self._lanes.values() if not lane.is_idle]
        for lane in wanting:
            share = max(1, self._options.concurrency // len(wanting)) - len(lane.in_flight)
            free = self._options.concurrency - self._in_flight() - len(batch)
            slots = self._within_limit(min(share, free), len(batch))
            if slots <= 0 or lane.stopped is not None:
                continue
            largest = min(LARGEST_CLAIM, CLAIM_AHEAD * self._options.concurrency)
            self._feed.fill(lane, self._within_limit(largest, len(batch)))
            allowed = lane.allowance(self._clock.monotonic(), slots)
            batch += [(lane, ready) for ready in lane.take(allowed)]

    def _act_on(self, lane: Lane, ready: Ready, decision: Begun | None) -> None:
        """Hand over what was begun; put away the rest."""
        claimed = ready.claimed
        if decision is None:
            self._teller.message(EventKind.TAKEN_OVER, lane.channel, claimed)
        elif decision.cancelled is not None:
            self._teller.message(EventKind.CANCELLED, lane.channel, claimed, decision.cancelled)
        elif decision.deferred_to is not None:
            said, until = "too soon after the lead's last message", decision.deferred_to
            self._teller.message(EventKind.DEFERRED, lane.channel, claimed, said, until=until)
        elif decision.is_braked:
            self.totals.is_braked = True
            lane.ready.appendleft(ready)
        elif decision.is_busy:
            lane.busy.append(ready)
        else:
            self._teller.begun(ready)
            lane.spend()
            self._sends_begun += 1
            lane.in_flight[claimed.id] = ready
            self._senders.send(lane.transport, ready)

    def _rest_busy(self, begun: Mapping[UUID, Begun]) -> None:
        """Give back what waits for another message, unless one of ours may still make room."""
        busy = [(lane, ready) for lane in self._lanes.values() for ready in lane.busy]
        if not busy or self._in_flight() or any(not one.is_busy for one in begun.values()):
            return
        self._ledger.release([ready.claimed.id for _, ready in busy], BUSY_PAUSE)
        for lane, ready in busy:
            lane.busy.clear()
            said = "waits for another message, which another dispatcher is sending"
            self._teller.message(EventKind.DEFERRED, lane.channel, ready.claimed, said)

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
        paced = (lane.waits_for(now) for lane in self._lanes.values() if lane.is_paced)
        return min(paced, default=None)

    # outcomes

    def _decide(self, turn: Turn, answer: Answer) -> tuple[Ready, Outcome, Decision]:
        """Enter an outcome into the turn, and stop its channel if it says so."""
        channel, ready, outcome = answer
        lane = self._lanes[channel]
        message_id = ready.claimed.id
        del lane.in_flight[message_id]
        self._observe(lane, outcome)
        decision = decide(ready, outcome, self._random, can_look_up=lane.lookup is not None)
        if decision.is_lookup:
            turn.unknown_texts[message_id] = decision.result.error or ""
        else:
            turn.results.append(decision.result)
        if decision.suppression is not None:
            address = ready.intent.address
            turn.refused.append(Refused(message_id, channel, address, decision.suppression))
        return ready, outcome, decision

    def _observe(self, lane: Lane, outcome: Outcome) -> None:
        stop = lane.observe(outcome, self._clock.monotonic())
        if stop is not None:
            self._teller.channel_stopped(lane.channel, stop)

    def _settle_unknown(self) -> None:
        fail_unanswerable(self._ledger, self._teller.event)
        for lane in self._lanes.values():
            if lane.lookup is None or lane.stopped is not None:
                continue
            try:
                look_up_texts(self._ledger, lane.lookup, self._teller.event)
            except ProviderStopped as error:
                stop = Outcome(OutcomeKind.CHANNEL_STOPPED, detail=error.message, hint=error.hint)
                self._observe(lane, stop)

    # the end, and a database that is away

    @contextmanager
    def _in_order(self) -> Iterator[None]:
        """Finish at the end of the block, also after an error, and raise what the observer raised.

        What is no error, the exit at a second signal, leaves all to its lease at once.
        """
        try:
            yield
        except Exception:
            self._finish()
            raise
        except BaseException:
            self._close()
            raise
        else:
            self._finish()
        if self._teller.failure is not None:
            raise self._teller.failure

    def _finish(self) -> None:
        """Wait for what is in flight, record it, and give back every claim."""
        self._stopping.set()
        try:
            while self._in_flight():
                self._turn(self._senders.answers(None, self._in_flight()))
            self._give_back()
        except DatabaseAway as error:
            log.warning("%s; claims end with their lease", error.message)
        finally:
            self._close()

    def _close(self) -> None:
        self._senders.close(wait=not self._in_flight())
        self._ledger.close()

    def _wait_for_database(self) -> None:
        """Return when the database is back and has what was claimed and not begun, or at a stop."""
        with suppress(DatabaseAway):
            self._ledger.wait_until_back(lambda seconds: not self._stopping.wait(seconds))
            self._give_back()

    def _give_back(self) -> None:
        """Release what is claimed and was not begun."""
        held = [ready.claimed.id for lane in self._lanes.values() for ready in lane.held()]
        self._ledger.release(held)
        for lane in self._lanes.values():
            lane.ready.clear()
            lane.busy.clear()

    def _pause(self, seconds: float) -> bool:
        """Wait for the database; false when a stopping dispatcher has waited long enough."""
        if not self._stopping.is_set():
            self._stopping.wait(seconds)
            return True
        now = self._clock.monotonic()
        self._stop_by = self._stop_by or now + LAST_PATIENCE
        if now < self._stop_by:
            Flag().wait(seconds)
        return now < self._stop_by
