"""What is said about a steps file that is wrong."""

# ruff: noqa: E501  # the tables of mistakes have a case a line

from pathlib import Path

import pytest

from flowctl.errors import InputError
from flowctl.flowfile import read
from flowctl.model import ContentFormat
from tests.pure.flowfiles import EMAIL, TEXT, told


def refused(file: Path, content: str | bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        told(file, content)
    return caught.value


def mistakes(file: Path, content: str) -> list[str]:
    """The details of what is wrong, without the file's name that each begins with."""
    error = refused(file, content)
    many = len(error.details)
    assert error.message == f"{file}: {many} mistake{'s' if many > 1 else ''}"
    assert all(line.startswith(f"{file}: ") for line in error.details)
    return [line.removeprefix(f"{file}: ") for line in error.details]


def in_step(file: Path, lines: str) -> list[str]:
    """What is wrong with a step ``a`` of the flow ``default`` that has these lines."""
    found = mistakes(file, f'[[steps]]\nkey = "a"\n{lines}\n')
    assert all(line.startswith("flow 'default' step 'a': ") for line in found)
    return [line.removeprefix("flow 'default' step 'a': ") for line in found]


def in_flow(file: Path, lines: str) -> list[str]:
    """What is wrong with a flow ``n`` that has these lines."""
    found = mistakes(file, f'[[flows]]\nname = "n"\n{lines}\n')
    assert all(line.startswith("flow 'n': ") for line in found)
    return [line.removeprefix("flow 'n': ") for line in found]


def test_an_email_says_what_it_is(file: Path) -> None:
    (flow,) = told(file, f'[[steps]]\nkey = "a"\n{EMAIL}content = "hello"\nformat = "html"')
    assert flow.steps[0].format is ContentFormat.HTML
    assert in_step(file, f'{EMAIL}content = "x"\nformat = "markdown"') == [
        "format: 'markdown', expected 'text' or 'html'"
    ]
    assert in_step(file, f'{TEXT}content = "x"\nformat = "text"') == [
        "format: a text has none, expected no format, or type 'email'"
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no steps, expected [[steps]]"),
        (b"# only words\n", "has no steps, expected [[steps]]"),
        (b"\xff\xfe[\x00", "not UTF-8 at byte 0"),
        (b"name = 'caf\xe9'", "not UTF-8 at byte 11"),
        (b"[[steps]]\nkey = a", "(at line 2, column 7)"),
        (b"key", "not TOML"),
        (b"x = " + b"[" * 5000, "nested too deeply"),
        (b"x = " + b"9" * 5000, "not TOML"),
    ],
)
def test_what_is_no_steps_file_is_refused(file: Path, content: bytes, said: str) -> None:
    error = refused(file, content)
    assert error.message.startswith(f"{file}: ")
    assert said in error.message
    assert error.hint
    assert error.exit_code == 3


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no-such\.toml: no such file") as missing:
        read(tmp_path / "no-such.toml")
    assert missing.value.hint
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a directory"):
        read(tmp_path / "file" / "flows.toml")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (TEXT, "content: missing, expected a content, or a content_file"),
        (TEXT + 'content = " \\n"', "content: is empty, expected what the message says"),
        (TEXT + "content = 5", "content: is a whole number, expected a text in quotes"),
        (TEXT + 'content = "a\\u0000b"', "content: has a NUL character, expected a text without it"),
        (TEXT + 'content = "x"\ncontent_file = "y"', "content_file: stands beside content, expected one of the two"),
        (TEXT + 'content_file = "no.txt"', "content_file: no.txt: no such file or directory, expected a file, relative to the steps file"),
        (TEXT + 'content_file = "."', "content_file: .: is a directory, expected a file, relative to the steps file"),
        (TEXT + 'content_file = "latin.txt"', "content_file: latin.txt is not UTF-8 at byte 0, expected UTF-8"),
        (TEXT + 'content_file = "nul.txt"', "content_file: nul.txt has a NUL character, expected a text without it"),
        (TEXT + 'content_file = "bad.txt"', "content_file: line 1: unknown filter 'shout', expected a Liquid template such as {{ first_name }}"),
        (TEXT + f'content = "{"x" * 1601}"', "content: has 1601 characters, expected at most 1600, since this is a text"),
        (TEXT + 'content = "a\\n{{ x"', "content: line 2: expected '}}', found end of file, expected a Liquid template such as {{ first_name }}"),
        (TEXT + 'content = "x"\nsubject = "s"', "subject: a text has none, expected no subject, or type 'email'"),
        ('type = "email"\ncontent = "x"', "subject: missing, expected a subject, since this is an email"),
        ('type = "email"\nsubject = ""\ncontent = "x"', "subject: is empty, expected a subject, since this is an email"),
        ('type = "email"\nsubject = "{% x %}"\ncontent = "x"', "subject: line 1: unexpected tag 'x', expected a Liquid template such as {{ first_name }}"),
        ('type = "sms"\ncontent = "x"', "type: 'sms', expected 'email' or 'text'"),
        ('content = "x"', "type: missing, expected 'email' or 'text'"),
        (EMAIL + 'content = "x"\nday = -1', "day: -1, expected a whole number from 0 to 3650"),
        (EMAIL + 'content = "x"\nday = 3651', "day: 3651, expected a whole number from 0 to 3650"),
        (EMAIL + 'content = "x"\nday = "1"', "day: is a text, expected a whole number from 0 to 3650"),
        (EMAIL + 'content = "x"\nday = true', "day: is a boolean, expected a whole number from 0 to 3650"),
        (EMAIL + 'content = "x"\nday = 1.0', "day: is a number, expected a whole number from 0 to 3650"),
        (EMAIL + f'content = "x"\nday = {"9" * 40}', "day: too large, expected a whole number from 0 to 3650"),
        (EMAIL + 'content = "x"\ntime = "25:00"', "time: '25:00', expected a time of day such as 9:00 AM"),
        (EMAIL + 'content = "x"\ntime = ""', "time: '', expected a time of day such as 9:00 AM"),
        (EMAIL + 'content = "x"\ntime = 09:00:00', "time: is a date or a time, expected a text in quotes"),
        (EMAIL + 'content = "x"\ntime = "9 AM"\ntime_type = "immediately"', "time_type: 'immediately' beside a time, expected 'specific', or no time"),
        (EMAIL + 'content = "x"\ntime_type = "specific"', "time: missing, and time_type is 'specific', expected a time of day such as 9:00 AM"),
        (EMAIL + 'content = "x"\ntime_type = "later"', "time_type: 'later', expected 'immediately' or 'specific'"),
        (EMAIL + 'content = "x"\nenabled = "no"', "enabled: is a text, expected true or false"),
        (EMAIL + 'content = "x"\nsubjct = "no"', "subjct: unknown key, expected 'subject'"),
        (EMAIL + 'content = "x"\nContent = "no"', "Content: unknown key, expected 'content'"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_told_field_and_remedy(file: Path, lines: str, said: str) -> None:
    (file.parent / "latin.txt").write_bytes(b"\xe9")
    (file.parent / "nul.txt").write_bytes(b"a\x00")
    (file.parent / "bad.txt").write_bytes(b"{{ x | shout }}")
    assert in_step(file, lines) == [said]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('timezone = "Nowhere"', "timezone: 'Nowhere' is not a time zone, expected an IANA zone such as America/New_York"),
        ('timezone = "America/New York"', "timezone: 'America/New York' is not a time zone, expected 'America/New_York'"),
        ('timezone = ""', "timezone: '' is not a time zone, expected an IANA zone such as America/New_York"),
        ("timezone = 5", "timezone: is a whole number, expected a text in quotes"),
        ('expire_after = "36"', "expire_after: '36', expected a duration such as 36h, 2d or 1h30m"),
        ('min_gap = "0h"', "min_gap: '0h', expected a duration such as 36h, 2d or 1h30m"),
        ("min_gap = 4", "min_gap: is a whole number, expected a duration such as 36h, 2d or 1h30m"),
        ("audience = []", "audience: is not a table, expected a table such as { status = 'new' }"),
        ("audience = 'x'", "audience: is not JSON, expected a table such as { status = 'new' }"),
        ("audience = '[1]'", "audience: is not a table, expected a table such as { status = 'new' }"),
        ("exit_when = { x = [nan] }", "exit_when: holds a number that is none, expected a table such as { status = 'new' }"),
        ("exit_when = { x = { y = 2026-01-01 } }", "exit_when: holds a date or a time, which JSON has not; write it as a text, expected a table such as { status = 'new' }"),
        ('exit_when = { "a\\u0000" = 1 }', "exit_when: holds a character that PostgreSQL cannot store, expected a table such as { status = 'new' }"),
        ("exit_when = '{\"a\": \"\\ud800\"}'", "exit_when: holds a character that PostgreSQL cannot store, expected a table such as { status = 'new' }"),
        ("sender = 8", 'sender: is not a table, expected { email_from = "Ana <ana@example.com>" }'),
        ('sender = { from = "a@b.c" }', "sender.from: unknown key, expected email_from or reply_to or return_path or text_from"),
        ("sender = { email_from = 8 }", "sender.email_from: is not a text, expected Ana <ana@example.com>"),
        ('sender = { reply_to = "ana" }', "sender.reply_to: 'ana': it is not of the form name@example.com, expected ana@example.com"),
        ('sender = { return_path = "B <b@example.com>" }', "sender.return_path: 'B <b@example.com>': it is not of the form name@example.com, expected bounces+{message_id}@example.com"),
        ('sender = { return_path = "b+{id}@example.com", text_from = "212" }', "sender.text_from: '212' is neither a number nor a messaging service, expected a number such as +12125550100, or a messaging service MG..."),
        ("send_window = 8", 'send_window: is not a table, expected { start = "8:00 AM", end = "8:00 PM" }'),
        ('send_window = { from = "8 AM" }', "send_window.from: unknown key, expected one of start, end, days, types"),
        ('send_window = { start = "8" }', "send_window.start: '8', expected a time of day such as 9:00 AM"),
        ("send_window = { start = 8 }", "send_window.start: is not a text, expected a time of day such as 9:00 AM"),
        ('send_window = { start = "8 AM", end = "08:00" }', "send_window.end: is the same as the start, expected another time, or neither for the whole day"),
        ('send_window = { end = "0:00" }', "send_window.end: is the same as the start, expected another time, or neither for the whole day"),
        ("send_window = { days = [] }", "send_window.days: is empty, expected a list of 'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'"),
        ('send_window = { types = "text" }', "send_window.types: is not a list, expected a list of 'email', 'text'"),
        ('send_window = { types = ["sms"] }', "send_window.types: 'sms', expected a list of 'email', 'text'"),
        ("dedupe_address = 1", "dedupe_address: is a whole number, expected true or false"),
        ("time_zone = 'UTC'", "time_zone: unknown key, expected 'timezone'"),
        ("steps = 1", "steps: is a whole number, expected [[steps]]"),
        ("steps = [1]", "steps: is an array of other things than tables, expected [[steps]]"),
        ("[flows.steps]", "steps: is a table, expected [[steps]]"),
    ],
)  # fmt: skip
def test_a_wrong_flow_is_told_field_and_remedy(file: Path, lines: str, said: str) -> None:
    assert in_flow(file, lines) == [said]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("timezone = 'UTC'", ["has no steps, expected [[steps]] for one flow, or [[flows]] with [[flows.steps]] for several"]),
        ("steps = []\n[[flows]]\nname = 'n'", ["steps: stands at the top level beside [[flows]], expected it inside a flow"]),
        ("timezone = 'UTC'\n[[flows]]\nname = 'n'", ["timezone: stands at the top level beside [[flows]], expected it inside a flow"]),
        ("flow = 1\n[[flows]]\nname = 'n'", ["flow: unknown key, expected 'flows'"]),
        ("flows = []", ["flows: is empty, expected at least one flow"]),
        ("[flows]", ["flows: is a table, expected [[flows]]"]),
        ("[[flows]]\nname = 'n'\n[[flows]]\nname = 'n'", ["flow 'n': name: another flow of the file has it, expected a name of its own"]),
        ("[[flows]]\n[[flows]]\nname = ''", ["flow 1: name: missing, expected a name of its own", "flow 2: name: is empty, expected a name of its own"]),
        ("[[flows]]\nname = ' n'", ["flow ' n': name: ' n' has blanks around it or control characters, expected a plain name"]),
        ("[[flows]]\nname = 1", ["flow 1: name: is a whole number, expected a text in quotes"]),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_place_and_remedy(file: Path, content: str, said: list[str]) -> None:
    assert mistakes(file, content) == said


def test_all_mistakes_are_told_at_once_each_in_its_place(file: Path) -> None:
    found = mistakes(
        file,
        f'[[flows]]\nname = "n"\ntimezone = "x"\n[[flows.steps]]\nkey = "a"\n{TEXT}content = "x"\n'
        f'[[flows.steps]]\n{TEXT}content = "x"\n[[flows.steps]]\nkey = "a"\n{TEXT}content = "x"\n'
        '[[flows]]\nname = "m"\nexpire_after = "x"\n',
    )
    assert [line.rpartition(", expected")[0] for line in found] == [
        "flow 'n': timezone: 'x' is not a time zone",
        "flow 'n' step 2: key: missing",
        "flow 'n' step 'a': key: another step of the flow has it",
        "flow 'm': expire_after: 'x'",
    ]
