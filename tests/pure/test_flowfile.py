"""What a steps file says, and what is said about one that is wrong."""

# the tables of mistakes have a case a line

from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from flowctl.flowfile import read, write
from flowctl.model import Channel, Flow, FlowSteps, Step, TimeType
from tests.pure.flowfiles import EMAIL, TEXT, told
from tests.support.flows import files

EXAMPLE = Path(__file__).parents[2] / "flows.example.toml"


def test_the_example_is_the_promised_schedule() -> None:
    (nurture,) = read(EXAMPLE)
    assert nurture.flow == Flow(
        name="nurture",
        timezone="America/New_York",
        exit_when={"status": "customer"},
        send_window={"start": "8:00 AM", "end": "8:00 PM", "types": ["text"]},
        expire_after=timedelta(hours=36),
        min_gap=timedelta(hours=4),
        dedupe_address=True,
    )
    assert [(step.key, step.type, step.day, step.time) for step in nurture.steps] == [
        ("welcome", Channel.EMAIL, 0, None),
        ("follow-up", Channel.TEXT, 1, "9:00 AM"),
        ("reminder", Channel.EMAIL, 2, "2:00 PM"),
    ]


def test_a_step_has_defaults(file: Path) -> None:
    (flow,) = told(file, f'[[steps]]\nkey = "a"\n{EMAIL}content = "hello"')
    step = Step("default", "a", Channel.EMAIL, "s", "hello", 0, None, TimeType.IMMEDIATELY)
    assert flow == FlowSteps(Flow("default"), (step,))


def test_settings_at_the_top_level_are_those_of_the_flow_default(file: Path) -> None:
    (flow,) = told(file, 'timezone = "asia/tokyo"\nmin_gap = "90m"\n[[steps]]\nkey = "a"\n'
                   f'{EMAIL}content = "x"')  # fmt: skip
    assert flow.flow == Flow("default", timezone="Asia/Tokyo", min_gap=timedelta(minutes=90))


def test_a_time_makes_a_step_specific(file: Path) -> None:
    content = f'[[steps]]\nkey = "a"\n{TEXT}content = "x"\ntime = "21:30"'
    ((step,),) = (flow.steps for flow in told(file, content))
    assert (step.time, step.time_type) == ("9:30 PM", TimeType.SPECIFIC)
    assert told(file, content + '\ntime_type = "specific"')[0].steps == (step,)


def test_a_disabled_step_may_be_a_draft(file: Path) -> None:
    content = 'enabled = false\n[[steps]]\nkey = "a"\ntype = "email"\nenabled = false\n'
    (flow,) = told(file, content + 'time_type = "specific"\nsubject = " "')
    assert not flow.flow.enabled
    assert flow.steps == (
        Step("default", "a", Channel.EMAIL, None, None, 0, None, TimeType.SPECIFIC, enabled=False),
    )


def test_a_window_is_read_into_its_stored_form(file: Path) -> None:
    window = 'send_window = { end = "20:00", days = ["tue", "mon", "tue"], types = ["text"] }'
    (flow,) = told(file, f'[[flows]]\nname = "n"\n{window}')
    assert flow.flow.send_window == {"end": "8:00 PM", "days": ["mon", "tue"], "types": ["text"]}


def test_content_can_stand_in_a_file_beside_the_steps_file(file: Path) -> None:
    (file.parent / "mail").mkdir()
    (file.parent / "mail" / "welcome.html").write_bytes(b"\xef\xbb\xbf<p>caf\xc3\xa9</p>\r\n")
    (file.parent.parent / "shared.txt").write_text("shared")
    steps = f'[[steps]]\nkey = "a"\n{EMAIL}content_file = "mail/welcome.html"\n'
    steps += f'[[steps]]\nkey = "b"\n{EMAIL}content_file = "../shared.txt"\n'
    try:
        (flow,) = told(file, steps)
    finally:
        (file.parent.parent / "shared.txt").unlink()
    assert [step.content for step in flow.steps] == ["<p>café</p>\n", "shared"]


def test_line_ends_of_the_file_do_not_matter(file: Path) -> None:
    content = f'[[steps]]\nkey = "a"\n{EMAIL}content = """\nhello\nyou\n"""\n'
    assert told(file, content.replace("\n", "\r\n")) == told(file, content)
    assert told(file, b"\xef\xbb\xbf" + content.encode()) == told(file, content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flows=files())
def test_what_is_written_reads_back(file: Path, flows: tuple[FlowSteps, ...]) -> None:
    assert told(file, write(flows)) == flows


def test_line_ends_of_a_form_survive(file: Path) -> None:
    step = Step("n", "a", Channel.TEXT, None, "one\r\ntwo\rthree\n")
    flows = (FlowSteps(Flow("n", audience={"x": None, "y": "\r\n"}), (step,)),)
    assert told(file, write(flows)) == flows


def test_the_example_written_anew_reads_the_same(file: Path) -> None:
    example = read(EXAMPLE)
    text = write(example)
    assert told(file, text) == example
    assert 'content = """\nHello' in text
    assert "enabled" not in text
