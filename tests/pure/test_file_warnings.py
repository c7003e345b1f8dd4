"""What a steps file says that can hardly be meant."""

from dataclasses import replace

import pytest

from flowctl.flowfile.conditions import condition_problems
from flowctl.flowfile.warnings import FileWarning, file_warnings
from flowctl.model import Channel, Flow, FlowSteps, JsonKind, JsonObject, LeadColumn, Step, TimeType

COLUMNS = [
    LeadColumn("first_name", JsonKind.TEXT),
    LeadColumn("email", JsonKind.TEXT),
    LeadColumn("status", JsonKind.TEXT),
    LeadColumn("kind", JsonKind.TEXT, labels=("new", "old")),
    LeadColumn("age", JsonKind.NUMBER),
    LeadColumn("vip", JsonKind.BOOLEAN, is_required=True),
    LeadColumn("tags", JsonKind.LIST),
    LeadColumn("custom", JsonKind.ANY),
    LeadColumn("visits", JsonKind.NUMBER, form="integer"),
    LeadColumn("key", JsonKind.TEXT, form="uuid"),
    LeadColumn("born", JsonKind.TEXT, form="date"),
    LeadColumn("seen_at", JsonKind.TEXT, form="timestamp"),
]
FLOW = Flow("n")
TEXT = Step("n", "a", Channel.TEXT, None, "Hi {{ first_name }}")
EMAIL = Step("n", "a", Channel.EMAIL, "Hi", "Hello {{ first_name }}")


LINK = "https://example.com/leave"


def warned(step: Step, flow: Flow = FLOW) -> list[FileWarning]:
    entry = FlowSteps(flow, (step,))
    return list(file_warnings([entry], COLUMNS, unsubscribe=[LINK]))


def test_nothing_to_say() -> None:
    flow = replace(FLOW, audience={"status": "x", "custom": 1}, exit_when={"vip": True})
    assert warned(EMAIL, flow) == warned(TEXT, flow) == []


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"Status": "x"}, "no column 'Status', so no lead ever matches, did you mean 'status'?"),
        ({"plan": 1}, "leads have no column 'plan', so no lead ever matches"),
        ({"age": "18"}, "the column 'age' holds numbers, so \"18\" never matches"),
        ({"age": True}, "so true never matches"),
        ({"status": 1}, "the column 'status' holds texts, so 1 never matches"),
        ({"vip": "true"}, 'holds true and false, so "true" never matches'),
        ({"vip": None}, "the column 'vip' is never null"),
        ({"tags": "a"}, 'holds lists, so "a" never matches'),
        ({"kind": "gone"}, 'holds texts (new, old), so "gone" never matches'),
        ({"visits": 1.5}, "holds whole numbers, so 1.5 never matches"),
        ({"visits": "1"}, 'holds whole numbers, so "1" never matches'),
        ({"key": "A1"}, 'holds UUIDs in lower case, so "A1" never matches'),
        ({"born": "2 March"}, 'holds dates such as 2026-03-02, so "2 March" never matches'),
        ({"seen_at": "2026-03-02"}, "holds timestamps such as 2026-03-02T15:00:00+00:00, so"),
    ],
)
def test_a_condition_that_no_lead_meets(condition: JsonObject, words: str) -> None:
    (problem,) = condition_problems(condition, COLUMNS)
    assert words in problem
    for field in ("audience", "exit_when"):
        flow = replace(FLOW, **{field: condition})  # type: ignore[arg-type]  # one of two settings
        assert warned(TEXT, flow) == [FileWarning("n", None, field, problem)]


@pytest.mark.parametrize(
    "condition",
    [
        {"visits": 1e3},
        {"visits": 2.0},
        {"key": "0b8e4c1a-0000-4000-8000-00000000000a"},
        {"born": "2026-03-02"},
        {"seen_at": "2026-03-02T15:00:00.5+00:00"},
        {"age": 1.5},
        {"age": None},
        {"tags": ["a"]},
        {"custom": {"a": [1]}},
        {"kind": "old"},
        {},
    ],
)
def test_a_condition_that_a_lead_can_meet(condition: JsonObject) -> None:
    assert list(condition_problems(condition, COLUMNS)) == []


def test_an_exit_rule_that_every_lead_meets() -> None:
    (found,) = warned(TEXT, replace(FLOW, exit_when={}))
    assert (found.field, found.text) == (
        "exit_when",
        "every lead matches, so nobody gets anything",
    )
    assert warned(TEXT, replace(FLOW, audience={})) == []


def test_merge_fields_in_subject_and_content() -> None:
    step = replace(EMAIL, subject="Hi {{ firstname }}", content="<p>*|EMAIL|*</p>", enabled=False)
    assert [(found.key, found.field, found.text) for found in warned(step)] == [
        ("a", "subject", ("{{ firstname }} is not a column of leads and stays empty, "
         "did you mean {{ first_name }}?")),
        ("a", "content", ("*|EMAIL|* is another system's merge field and stays as it is, "
         "write {{ email }}")),
    ]  # fmt: skip


def test_an_email_that_nobody_can_leave() -> None:
    def without(step: Step, *unsubscribe: str) -> list[tuple[str, str]]:
        entry = FlowSteps(FLOW, (step,))
        found = file_warnings([entry], COLUMNS, unsubscribe=unsubscribe)
        return [(one.field, one.text) for one in found]

    (found,) = without(EMAIL)
    assert found == ("content", "no way to unsubscribe: set EMAIL_UNSUBSCRIBE")
    mail = "mailto:leave@example.com"
    assert without(EMAIL, mail) == without(EMAIL, LINK) == without(TEXT) == []
    assert without(replace(EMAIL, enabled=False)) == []
    link = replace(EMAIL, content="Leave: {{ unsubscribe_url }}")
    text = replace(TEXT, content="Leave: {{ unsubscribe_url }}")
    assert without(link, mail, LINK) == without(text, LINK) == []
    for step, unsubscribe in ((link, []), (link, [mail]), (text, [mail])):
        (found,) = without(step, *unsubscribe)
        assert "{{ unsubscribe_url }} is empty: set EMAIL_UNSUBSCRIBE with an https:" in found[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a" * 161, "about 2 segments, each of which costs as much as a short message (GSM-7)"),
        ("a" * 150 + "{{ first_name }}{{ email }}", "about 2 segments"),
        ("a" * 70 + "\u2019", ("about 2 segments, each of which costs as much as a short message "
         "(UCS-2: '\u2019' (U+2019) is not in GSM-7)")),
        ("a" * 70 + "{% if first_name %}😀{% endif %}", "(U+1F600)"),
    ],
)  # fmt: skip
def test_a_text_of_several_segments(content: str, words: str) -> None:
    (found,) = warned(replace(TEXT, content=content))
    assert (found.field, found.key) == ("content", "a")
    assert words in found.text


@pytest.mark.parametrize("content", ["a" * 160, "\u2019" * 70, "{{ 1 | divided_by: age }}", "{{"])
def test_a_text_of_one_segment(content: str) -> None:
    assert warned(replace(TEXT, content=content)) == []


@pytest.mark.parametrize(
    ("window", "time", "is_odd"),
    [
        ({"start": "8:00 AM", "end": "8:00 PM"}, "9:00 PM", True),
        ({"start": "8:00 AM", "end": "8:00 PM"}, "8:00 PM", True),
        ({"start": "8:00 AM", "end": "8:00 PM"}, "8:00 AM", False),
        ({"start": "8:00 AM", "end": "8:00 PM", "types": ["email"]}, "9:00 PM", False),
        ({"start": "8:00 PM", "end": "8:00 AM"}, "9:00 PM", False),
        ({"start": "8:00 PM", "end": "8:00 AM"}, "9:00 AM", True),
        ({"end": "8:00 PM"}, "9:00 PM", True),
        ({"start": "8:00 AM"}, "11:59 PM", False),
        ({"days": ["mon"]}, "3:00 AM", False),
        (None, "3:00 AM", False),
    ],
)
def test_a_time_outside_the_flows_own_window(
    window: JsonObject | None, time: str, *, is_odd: bool
) -> None:
    step = replace(TEXT, time=time, time_type=TimeType.SPECIFIC)
    found = warned(step, replace(FLOW, send_window=window))
    assert [one.field for one in found] == ["time"] * is_odd
    assert not is_odd or f"{time} is outside the flow's send_window" in found[0].text
