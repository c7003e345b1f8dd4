"""The law under an operator's hand: flows paused and resumed in every way, leads stopped, resumed
and moved, messages tried again, cancelled and refreshed, while dispatchers work and die, and while
the operator's own command is cut off. Nothing goes out twice, nothing is lost, nothing reaches a
lead that is stopped, and a shift keeps the distances.

What each command must do is thought out anew here, from the messages before it.
"""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from flowctl import flows, leads, message_changes, refresh, stops
from flowctl.errors import InputError, NeedsAttention
from flowctl.flows import Late
from flowctl.message_changes import Change
from flowctl.messages import Criteria
from flowctl.model import Status
from tests.crash.steered import NOTHING, Seen, Steered, changed
from tests.crash.test_law import FLOWS, a_concurrency, an_answer
from tests.support.examples import examples
from tests.support.factories import database_now
from tests.support.postgres import Connection

a_death = st.none() | st.integers(1, 6)

a_flow = st.sampled_from(FLOWS)

a_place = st.integers(0, 5)


class Operating(Steered):
    """Dispatching, with somebody who steers it."""

    @precondition(lambda self: self.steps < 6)
    @rule(channel=st.sampled_from(["email", "text"]), flow=a_flow)
    def add_a_step(self, channel: str, flow: str) -> None:
        self.add_step(channel, flow)

    @rule()
    def add_a_lead(self) -> None:
        self.add_lead()

    # what the operator does

    @rule(flow=a_flow, death=a_death)
    def pause_flow(self, flow: str, death: int | None) -> None:
        before = self.look()
        with self.operator(death) as connection:
            flows.pause(connection, flow)
            assert self.is_paused(flow)
        assert self.look() == before

    @rule(flow=a_flow, late=st.none() | st.sampled_from(Late), death=a_death)
    def resume_flow(self, flow: str, late: Late | None, death: int | None) -> None:
        before, earliest, was_paused = self.look(), database_now(self.conn), self.is_paused(flow)
        done = False
        with self.operator(death) as connection, suppress(NeedsAttention):
            flows.resume(connection, flow, late)
            done = was_paused
        after, latest = self.look(), database_now(self.conn)
        assert self.is_paused(flow) == (was_paused and not done)
        expected = before
        if done and late is Late.SKIP:
            expected = {
                one.id: (
                    changed(one, status="cancelled", cause="paused", is_claimed=False)
                    if one.flow == flow and one.is_free and one.due_at <= earliest
                    else one
                )
                for one in before.values()
            }
        elif done and late is Late.SHIFT:
            expected = shifted(before, after, flow, earliest, latest)
        assert after == expected

    @rule(nth=a_place, flow=st.none() | a_flow, death=a_death)
    def stop_lead(self, nth: int, flow: str | None, death: int | None) -> None:
        lead = self.lead(nth)
        before, done = self.look(), False
        with self.operator(death) as connection:
            stops.stop_lead(connection, lead, flow, None)
            done = True
        self.note_stops()
        for one in before.values():
            is_meant = done and one.lead == lead and flow in {None, one.flow} and one.is_free
            after = self.look()[one.id]
            if is_meant:
                assert after == changed(one, status="cancelled", cause="stopped", is_claimed=False)
            else:
                assert after == one

    @rule(nth=a_place, flow=st.none() | a_flow, death=a_death)
    def resume_lead(self, nth: int, flow: str | None, death: int | None) -> None:
        lead = self.lead(nth)
        before, now, kept_out = self.look(), database_now(self.conn), set(self.stopped)
        done = False
        with self.operator(death) as connection, suppress(InputError):
            done = stops.resume_lead(connection, lead, flow).was_stopped
        self.note_stops()
        assert not (done and flow is not None and (lead, None) in kept_out)
        after = self.look()
        for one in before.values():
            is_meant = one.lead == lead and flow in {None, one.flow} and one.cause == "stopped"
            if done and is_meant and one.planned_for > now:
                assert not self.is_stopped(one.lead, one.flow)
                expected = changed(one, status="pending", cause=None, scheduled_for=one.planned_for)
                assert changed(after[one.id], due_at=one.due_at) == expected
            else:
                assert after[one.id] == one

    @rule(nth=a_place, origin=a_flow, death=a_death)
    def move_lead(self, nth: int, origin: str, death: int | None) -> None:
        lead, target = self.lead(nth), FLOWS[origin == FLOWS[0]]
        before, done = self.look(), False
        with self.operator(death) as connection, suppress(InputError):
            leads.move_lead(connection, NOTHING, lead, origin, target)
            done = True
        self.note_stops()
        after = self.look()
        if not done:
            assert after == before
            return
        assert (lead, origin) in self.stopped
        assert not self.is_stopped(lead, target)
        for identity, one in before.items():
            if one.lead == lead and one.flow == origin and one.is_free:
                assert (after[identity].status, after[identity].cause) == ("cancelled", "stopped")
            else:
                assert after[identity] == one
        new = [after[identity] for identity in after.keys() - before.keys()]
        assert new
        assert {(one.lead, one.flow, one.status) for one in new} == {(lead, target, "pending")}

    @rule(status=st.sampled_from([Status.FAILED, Status.CANCELLED]), death=a_death)
    def retry_messages(self, status: Status, death: int | None) -> None:
        before, now, done = self.look(), database_now(self.conn), False
        with self.operator(death) as connection, suppress(InputError):
            wanted = Criteria((status,))
            plan = message_changes.plan_by_filter(connection, NOTHING, Change.RETRY, wanted)
            message_changes.carry_out(connection, plan)
            done = True
        after = self.look()
        for one in before.values():
            may_be = one.status == status and not one.is_begun and not one.is_unknown
            if may_be and one.flow and not self.is_stopped(one.lead, one.flow):
                new = after[one.id]
                assert new == one or new.status == "pending"
                assert not done or new.status == "pending"
                if new.status == "pending":
                    assert new.planned_for == new.scheduled_for >= max(one.planned_for, now)
                    assert one.planned_for <= now or new.planned_for == one.planned_for
            else:
                assert after[one.id] == one

    @rule(nth=a_place)
    def retry_of_a_stopped_lead(self, nth: int) -> None:
        """One by its id is refused, whatever it was cancelled for."""
        before = self.look()
        mine = [
            one.id
            for one in before.values()
            if one.status in {"failed", "cancelled"} and self.is_stopped(one.lead, one.flow)
        ]
        with self.operator(None) as connection, suppress(InputError):
            for identity in mine[nth : nth + 1]:
                message_changes.plan_by_id(connection, Change.RETRY, [str(identity)])
                raise AssertionError(identity)

    @rule(nth=a_place, death=a_death)
    def cancel_messages(self, nth: int, death: int | None) -> None:
        lead = self.lead(nth)
        before, done = self.look(), False
        with self.operator(death) as connection, suppress(InputError):
            wanted = Criteria(lead=lead)
            plan = message_changes.plan_by_filter(connection, NOTHING, Change.CANCEL, wanted)
            message_changes.carry_out(connection, plan)
            done = True
        after = self.look()
        for one in before.values():
            gone = changed(one, status="cancelled", cause="by_hand", is_claimed=False)
            if one.lead != lead or not one.is_free:
                assert after[one.id] == one
            elif done:
                assert after[one.id] == gone
            else:
                assert after[one.id] in {one, gone}

    @rule(day=st.integers(0, 3), key=st.integers(1, 6), death=a_death)
    def refresh_messages(self, day: int, key: int, death: int | None) -> None:
        self.conn.execute("update flow_steps set day = %s where key = %s", (day, str(key)))
        before, done = self.look(), False
        pending = [one.id for one in before.values() if one.status == "pending"]
        with self.operator(death) as connection:
            refresh.refresh(connection, refresh.plan_refresh(connection, pending))
            done = True
        after = self.look()
        for one in before.values():
            new = after[one.id]
            if one.is_free and not one.is_claimed:
                assert (new.status, new.shifted_days) == (one.status, one.shifted_days)
                if one.scheduled_for > one.planned_for:  # deferred: no earlier than it was
                    assert new.scheduled_for >= one.scheduled_for
            else:
                assert new == one
        if done:
            left = refresh.plan_refresh(self.conn, pending).changes
            assert all(
                before[change.id].is_claimed or before[change.id].is_begun for change in left
            )

    # what both do at once

    @rule(
        answers=an_answer,
        concurrency=a_concurrency,
        at=st.integers(1, 4),
        act=st.sampled_from(["stop", "pause", "skip", "shift", "cancel", "resume", "refresh"]),
        whom=st.tuples(a_place, a_flow),
    )
    def run_meanwhile(
        self, answers: list[str], concurrency: int, at: int, act: str, whom: tuple[int, str]
    ) -> None:
        """A command comes while the nth message is being handed over."""
        nth, flow = whom
        lead = self.lead(nth)
        self.dispatch(
            None,
            answers,
            concurrency,
            (at, lambda connection: self.act(connection, act, lead, flow)),
        )

    def act(self, connection: Connection, act: str, lead: str, flow: str) -> None:
        """One command."""
        match act:
            case "stop":
                stops.stop_lead(connection, lead, flow, None)
            case "pause":
                flows.pause(connection, flow)
            case "skip" | "shift":
                flows.pause(connection, flow)
                flows.resume(connection, flow, Late(act))
            case "cancel":
                wanted = Criteria(flow=flow)
                plan = message_changes.plan_by_filter(connection, NOTHING, Change.CANCEL, wanted)
                message_changes.carry_out(connection, plan)
            case "resume":
                stops.resume_lead(connection, lead, flow)
            case _:
                pending = [one.id for one in self.look(connection).values()]
                refresh.refresh(connection, refresh.plan_refresh(connection, pending))


def shifted(
    before: dict[UUID, Seen],
    after: dict[UUID, Seen],
    flow: str,
    earliest: datetime,
    latest: datetime,
) -> dict[UUID, Seen]:
    """What a shift between these two moments must have made of the messages."""
    expected = dict(before)
    free = [one for one in before.values() if one.flow == flow and one.is_free]
    for lead in {one.lead for one in free if one.due_at <= earliest}:
        own = [one for one in free if one.lead == lead]
        first = min(
            (one for one in own if one.due_at <= earliest), key=lambda one: one.scheduled_for
        )
        days = after[first.id].shifted_days - first.shifted_days
        # the fewest days that put it not before the present
        assert first.on_day(days) >= earliest
        assert first.on_day(days - 1) < latest
        for one in own:
            instant = one.on_day(days)
            expected[one.id] = changed(
                one,
                scheduled_for=instant,
                planned_for=instant,
                due_at=instant,
                shifted_days=one.shifted_days + days,
                is_claimed=False,
            )
    return expected


def test_an_operators_hand_breaks_no_law(database: str, conn: Connection) -> None:
    machine = type("OperatingHere", (Operating,), {"database": database, "conn": conn})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples(100), stateful_step_count=25)
    )
