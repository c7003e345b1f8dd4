from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from flowctl.model import Channel, Flow, FlowSteps, Step, TimeType
from flowctl.plan import ORDER, Plan, plan

FLOW = Flow("nurture")


def a_step(key: str | None, content: str = "hello", *, day: int = 0, enabled: bool = True) -> Step:
    return Step("nurture", key, Channel.TEXT, None, content, day=day, enabled=enabled)


def a_flow(*of: Step, flow: Flow = FLOW) -> tuple[FlowSteps, ...]:
    return (FlowSteps(flow, of),)


def applied(changes: Plan, table: tuple[FlowSteps, ...]) -> tuple[FlowSteps, ...]:
    """The tables after the plan; their order is the database's: by time, then by position."""
    held = {entry.flow.name: entry for entry in table}
    for flow in (*changes.flows_created, *changes.flows_updated):
        name = flow.flow.name
        held[name] = FlowSteps(flow.flow, held[name].steps if name in held else ())
    for name, entry in held.items():
        kept = {(step.key or f"#{number}"): step for number, step in enumerate(entry.steps)}
        for change in (*changes.created, *changes.updated):
            if change.step.flow == name:
                kept[change.step.key or ""] = change.step
        for step in changes.disabled:
            if step.flow == name:
                kept[step.key or ""] = replace(step, enabled=False)
        held[name] = FlowSteps(entry.flow, tuple(sorted(kept.values(), key=_order(changes))))
    return tuple(held.values())


def _order(changes: Plan) -> Callable[[Step], tuple[int, bool, str, int]]:
    def key(step: Step) -> tuple[int, bool, str, int]:
        place = changes.positions.get((step.flow, step.key or ""), 0)
        return step.day, step.time_type is TimeType.SPECIFIC, step.time or "", place

    return key


def test_a_new_flow_and_its_steps_are_created() -> None:
    changes = plan(a_flow(a_step("a"), a_step("b")), ())
    assert [change.flow for change in changes.flows_created] == [FLOW]
    assert [change.step.key for change in changes.created] == ["a", "b"]
    assert changes.positions == {("nurture", "a"): 1, ("nurture", "b"): 2}


def test_a_changed_step_says_what_changed() -> None:
    table = a_flow(a_step("a"), a_step("b"))
    changes = plan(a_flow(a_step("a", "bye", day=2), a_step("b")), table)
    assert [change.changed for change in changes.updated] == [("content", "day")]
    assert changes.unchanged == (a_step("b"),)


def test_a_changed_setting_is_a_changed_flow() -> None:
    changes = plan(a_flow(flow=replace(FLOW, timezone="Asia/Tokyo", enabled=False)), a_flow())
    assert [change.changed for change in changes.flows_updated] == [("enabled", "timezone")]


def test_a_step_that_left_the_file_is_disabled_once() -> None:
    table = a_flow(a_step("a"), a_step("gone"), a_step("draft", enabled=False))
    changes = plan(a_flow(a_step("a")), table)
    assert changes.disabled == (a_step("gone"),)
    assert changes.unchanged == (a_step("a"),)


def test_steps_without_a_key_and_other_flows_are_left_alone() -> None:
    other = FlowSteps(Flow("other"), (replace(a_step("x"), flow="other"),))
    assert plan(a_flow(), (*a_flow(a_step(None), a_step(None)), other)).is_empty


def test_the_place_among_steps_of_one_time_is_a_change() -> None:
    table = a_flow(a_step("a"), a_step("b"), a_step("c", day=1))
    changes = plan(a_flow(a_step("b"), a_step("a"), a_step("c", day=1)), table)
    assert {change.step.key: change.changed for change in changes.updated} == {
        "a": (ORDER,),
        "b": (ORDER,),
    }
    assert plan(a_flow(a_step("c", day=1), a_step("a"), a_step("b")), table).is_empty


def test_json_is_compared_as_the_database_does() -> None:
    def audience(value: object) -> tuple[FlowSteps, ...]:
        return a_flow(flow=replace(FLOW, audience={"x": [{"y": value}]}))

    assert plan(audience(1), audience(1.0)).is_empty
    assert plan(audience(1e300), audience(10**300)).is_empty
    assert not plan(audience(1), audience(True)).is_empty
    assert not plan(audience(None), audience(False)).is_empty
    assert not plan(audience(2**60), audience(2**60 + 1)).is_empty
    assert not plan(audience({}), audience([])).is_empty


# Few of each, so that a file and the tables often name the same thing and sometimes say the same.
FLOWS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True)
KEYS = st.lists(st.sampled_from("pqrst"), max_size=5, unique=True)


def flows(name: str) -> st.SearchStrategy[Flow]:
    audiences = st.sampled_from([None, {"x": 1}, {"x": True}])
    return st.builds(Flow, st.just(name), st.booleans(), audience=audiences)


def steps(flow: str, key: str | None) -> st.SearchStrategy[Step]:
    of_the_flow = st.builds(
        Step,
        st.just(flow),
        st.just(key),
        st.just(Channel.TEXT),
        st.none(),
        st.sampled_from(["hello", "bye"]),
        st.integers(0, 1),
        st.sampled_from([None, "9:00 AM"]),
        enabled=st.booleans(),
    )
    return of_the_flow.map(
        lambda step: replace(step, time_type=TimeType.SPECIFIC) if step.time else step
    )


@st.composite
def files(draw: st.DrawFn) -> tuple[FlowSteps, ...]:
    """What a steps file can say."""
    return tuple(
        FlowSteps(draw(flows(name)), tuple(draw(steps(name, key)) for key in draw(KEYS)))
        for name in draw(FLOWS)
    )


@st.composite
def tables(draw: st.DrawFn) -> tuple[FlowSteps, ...]:
    """What the tables can hold: keyed steps and some without, in the database's order."""
    held = []
    for entry in draw(files()):
        keyless = [draw(steps(entry.flow.name, None)) for _ in range(draw(st.integers(0, 2)))]
        held.append(FlowSteps(entry.flow, (*entry.steps, *keyless)))
    return applied(plan((), ()), tuple(held))


@given(files(), tables())
def test_applying_a_plan_makes_the_tables_say_what_the_file_says(
    file: tuple[FlowSteps, ...], table: tuple[FlowSteps, ...]
) -> None:
    changes = plan(file, table)
    after = applied(changes, table)
    held = {entry.flow.name: entry for entry in after}
    for wanted in file:
        of_flow = held[wanted.flow.name]
        assert of_flow.flow == wanted.flow
        enabled = {step.key for step in of_flow.steps if step.enabled and step.key}
        assert {step for step in of_flow.steps if step.key} >= set(wanted.steps)
        assert enabled == {step.key for step in wanted.steps if step.enabled}
    assert plan(file, after).is_empty


@given(files(), tables())
def test_a_plan_counts_every_step_of_the_file_once(
    file: tuple[FlowSteps, ...], table: tuple[FlowSteps, ...]
) -> None:
    changes = plan(file, table)
    counted = [
        *(change.step for change in (*changes.created, *changes.updated)),
        *changes.unchanged,
    ]
    assert sorted((step.flow, step.key or "") for step in counted) == sorted(changes.positions)


@given(tables())
def test_a_plan_touches_nothing_that_the_file_does_not_name(table: tuple[FlowSteps, ...]) -> None:
    file = (FlowSteps(Flow("d"), ()),)
    changes = plan(file, table)
    assert [change.flow.name for change in changes.flows_created] == ["d"]
    assert replace(changes, flows_created=()).is_empty
