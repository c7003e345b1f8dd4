"""The coordinator: one thread that claims, begins and records, and many that send."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from random import Random
from uuid import UUID

from flowctl.clock import Clock
from flowctl.database import Connection
from flowctl.dispatch.batches import Batch, Batches
from flowctl.dispatch.beginning import Beginner
from flowctl.dispatch.channel import Channels, ChannelState
from flowctl.dispatch.claiming import Claimer
from flowctl.dispatch.connecting import connections
from flowctl.dispatch.deciding import Decider
from flowctl.dispatch.events import EventKind, Observer, Totals
from flowctl.dispatch.immediate import senders_for
from flowctl.dispatch.leases import Leases
from flowctl.dispatch.options import CLAIM_AHEAD, LARGEST_CLAIM, LIMIT_REST, PROBE, Options
from flowctl.dispatch.recovery import LOOKUP_PAUSE
from flowctl.dispatch.rendered import RenderedMessage
from flowctl.dispatch.reporting import Reporter
from flowctl.dispatch.senders import Answer
from flowctl.dispatch.stopping import StopSignal, ending_in_order
from flowctl.errors import DatabaseUnreachable, FlowctlError
from flowctl.settings import Settings
from flowctl.store.intents import BeginResult
from flowctl.store.runs import Run

log = logging.getLogger(__name__)


class Dispatcher:
    """Sends what is due. Make one, call ``run_once`` or ``run_loop``; ``stop`` ends it cleanly.

    ``connect`` opens a database connection (raises DatabaseUnreachable). ``run_id`` names this
    dispatcher in the claims it holds. ``observer`` is called with every event, from this thread and
    from the senders'; of steps that no total counts only with the kinds ``observed``.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        states: Sequence[ChannelState],
        settings: Settings,
        options: Options,
        *,
        run_id: UUID,
        clock: Clock,
        random: Random,
        observer: Observer,
        observed: Iterable[EventKind] = EventKind,
    ) -> None:
        self._options = options
        self._channels = Channels(states)
        self._clock = clock
        self._random = random
        self._stopping = StopSignal(clock)
        self._limited_until = 0.0
        self._sends_begun = 0
        self._rounds = 0
        self._reporter = Reporter(observer, self.stop, observed)
        run = Run(run_id, options.lease, options.now, settings.max_per_hour, slot=options.slot)
        first, second = connections(connect, self._reporter.database, self._stopping, random, clock)
        self._batches = Batches(
            first,
            run,
            allows_copy=options.allows_copy,
            second=second if options.claims_ahead else None,
        )
        self._leases = Leases(self._batches, self._channels, options.lease, clock)
        self._decider = Decider(self._channels, self._reporter, clock=clock, random=random)
        self._claimer = Claimer(self._batches, settings, self._reporter, self._stopping)
        self._beginner = Beginner(self._batches, self._channels, self._reporter)
        self._senders = senders_for(options, self._reporter.answered, clock)
        # half of them are written to files while the database begins the other half
        self._turn = -(-options.concurrency // 2) if options.is_immediate else options.concurrency

    @property
    def totals(self) -> Totals:
        """What the run did so far."""
        return self._reporter.totals

    @property
    def health(self) -> int | None:
        """A number that grows while the run gets on; null while a channel or a limit stops it."""
        is_stopped = self.totals.is_limited or any(state.stopped for state in self._channels)
        return None if is_stopped else self._rounds

    def stop(self) -> None:
        """Begin nothing more, finish what is in flight, give the rest back.

        Safe to call in a signal handler.
        """
        self._stopping.set()
        for state in self._channels:
            state.transport.stop()
        self._senders.wake()

    def run_once(self) -> Totals:
        """Send everything that is due and return what was done.

        Raises DatabaseUnavailable when the database is lost; outcomes that are already there are
        kept until it is back.
        """
        with ending_in_order(self._finish, self._close):
            self._decider.resolve_unknown(self._batches)
            self._pass()
        self._reporter.raise_failure()
        return self.totals

    def run_loop(self) -> Totals:
        """Send what falls due until ``stop`` is called; a database that goes away is waited for."""
        resolved_at: float | None = None
        with ending_in_order(self._finish, self._close):
            while not self._stopping.is_set():
                now = self._clock.monotonic()
                try:
                    if resolved_at is None or now - resolved_at >= self._options.interval:
                        self._decider.resolve_unknown(self._batches)
                        resolved_at = now
                    self._pass_if_due(now)
                    self._rounds += 1
                except DatabaseUnreachable:
                    self._wait_for_database()
                pause = min(PROBE, self._options.interval) * self._random.uniform(0.8, 1.2)
                self._stopping.wait(pause)
        self._reporter.raise_failure()
        return self.totals

    def _pass_if_due(self, now: float) -> None:
        self._channels.start_pass(now)
        if now < self._limited_until:
            return
        self.totals.is_limited, self.totals.withheld = False, 0
        channels = [state.channel for state in self._channels if state.stopped is None]
        # After the database was away there may be sends whose outcome is still to be recorded.
        if self._channels.in_flight() or self._batches.is_due(channels):
            self._pass()
        if self.totals.is_limited or self.totals.withheld:
            # what waits stays due: it is not looked at again and again
            self._limited_until = now + LIMIT_REST

    def _pass(self) -> None:
        """Claim, begin and record until nothing is due and nothing in flight."""
        answers: list[Answer] = []
        while True:
            self._step(answers)
            self._rounds += 1
            if self._stopping.is_set():
                self._give_back()
            wait = self._channels.seconds_until_rate(self._clock.monotonic())
            if self._channels.in_flight():
                answers = self._answers(wait)
            elif self._is_done():
                break
            else:
                answers = []
                self._stopping.wait(self._leases.limited(wait or 0.0))
                self._leases.renew_if_due()
        self._give_back()

    def _step(self, answers: Sequence[Answer]) -> None:
        """Write down in one transaction what came in and what goes out next; then let it go."""
        batch = Batch(lookup_pause=LOOKUP_PAUSE)
        decided = [self._decider.decide(batch, answer) for answer in answers]
        selected: list[tuple[ChannelState, RenderedMessage]] = []
        failure: FlowctlError | None = None
        try:
            self._fill(selected)
        except FlowctlError as error:
            # what came in is written all the same
            failure = error
            for state, ready in reversed(selected):
                state.ready.appendleft(ready)
            selected.clear()
        batch.intents = [ready.intent for _, ready in selected]
        result = self._batches.write(batch, self._work)
        self._senders.work()  # where nobody wrote
        if result.failure is None:
            self._hand_over(selected, result.begun)
        for ready, outcome, decision in decided:
            took = ready.claimed.id in result.recorded or decision.kind is EventKind.SENT
            self._reporter.recorded(ready, outcome, decision, took=took)
        failure = result.failure or failure
        if failure is not None:
            raise failure
        self._beginner.release_left_out()
        self._beginner.rest_busy(result.begun)

    def _hand_over(
        self,
        selected: Sequence[tuple[ChannelState, RenderedMessage]],
        begun: Mapping[UUID, BeginResult],
    ) -> None:
        """Let go what was begun, and put away the rest."""
        for state in self._channels:
            going = [
                ready
                for owner, ready in selected
                if owner is state
                and self._beginner.begins(state, ready, begun.get(ready.claimed.id))
            ]
            self._sends_begun += len(going)
            self._senders.send(state.transport, going)

    def _fill(self, selected: list[tuple[ChannelState, RenderedMessage]]) -> None:
        """Add what fills the free slots, shared among the channels that have something to send."""
        if self._stopping.is_set() or self.totals.is_limited:
            return
        wanting = [state for state in self._channels if not state.is_idle]
        for state in wanting:
            share = max(1, self._options.concurrency // len(wanting)) - len(state.in_flight)
            free = self._options.concurrency - self._channels.in_flight() - len(selected)
            turn = self._turn - len(selected)
            slots = self._within_limit(min(share, free, turn), len(selected))
            if slots <= 0 or state.stopped is not None:
                continue
            largest = min(LARGEST_CLAIM, CLAIM_AHEAD * self._options.concurrency)
            self._claimer.fill(state, slots, self._within_limit(largest, len(selected)))
            allowed = state.rate.allowance(self._clock.monotonic(), slots)
            selected += [(state, ready) for ready in state.take(allowed)]
            if self._options.limit is None:
                self._claimer.look_ahead(state, largest)

    def _work(self) -> None:
        """Do what needs no database, while that writes."""
        self._senders.work()
        for state in self._channels:
            self._claimer.render(state, self._turn)

    def _is_done(self) -> bool:
        is_full = self.totals.is_limited or self._within_limit(1) == 0
        return is_full or self._stopping.is_set() or self._channels.are_idle

    def _within_limit(self, wanted: int, planned: int = 0) -> int:
        limit = self._options.limit
        return wanted if limit is None else min(wanted, limit - self._sends_begun - planned)

    def _answers(self, wait: float | None = None) -> list[Answer]:
        """The outcomes that are there; waits for the first one, at most so many seconds.

        Leases are renewed meanwhile: a server may take longer than they last.
        """
        answers = self._senders.answers(self._leases.limited(wait), self._channels.in_flight())
        self._leases.renew_if_due()
        return answers

    # the end, and a database that is away

    def _finish(self) -> None:
        """Wait for what is in flight, record it, and give back every claim."""
        self.stop()
        try:
            while self._channels.in_flight():
                self._step(self._answers())
            self._give_back()
        except DatabaseUnreachable as error:
            log.warning("%s; claims end with their lease", error.message)
        finally:
            self._close()

    def _close(self) -> None:
        self._senders.close(wait=not self._channels.in_flight())
        self._batches.close()

    def _wait_for_database(self) -> None:
        """Return when the database is back and has what was claimed and not begun, or at a stop."""
        with suppress(DatabaseUnreachable):
            self._batches.wait_until_back(lambda seconds: not self._stopping.wait(seconds))
            self._give_back()

    def _give_back(self) -> None:
        """Release what is claimed and was not begun."""
        for state in self._channels:
            self._claimer.finish_ahead(state)
        self._batches.release(self._channels.held())
        self._channels.clear()
