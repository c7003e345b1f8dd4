"""The steps of a flow in a steps file."""

from collections.abc import Mapping
from pathlib import Path

from flowctl.flowfile.fields import Fields
from flowctl.flowfile.oldnames import WAS, read_old_names
from flowctl.model import Channel, ContentFormat, Step, TimeType
from flowctl.normalize import CHANNELS, normalize_step
from flowctl.template import TemplateError, parse
from flowctl.template.markup import is_html
from flowctl.times import A_TIME, clock_text, parse_time_of_day

STEP_KEYS = (
    "key",
    WAS,
    "type",
    "subject",
    "content",
    "content_file",
    "format",
    "day",
    "time",
    "time_type",
    "enabled",
)
"""The keys of a step, in the order they are read."""

LAST_DAY = 3650
TEXT_LIMIT = 1600
"""Characters of a text message's content: what Twilio takes (error 21617)."""


def read_steps(flow: Fields, name: str, folder: Path) -> tuple[tuple[Step, ...], Mapping[str, str]]:
    """The steps of the flow ``name``, and the former keys of some by the keys they have now.

    Files that they name are looked for in ``folder``.
    """
    steps = []
    named = []
    seen: set[str] = set()
    for number, table in enumerate(flow.tables("steps"), start=1):
        key = table.get("key")
        own = f"step '{key}'" if isinstance(key, str) and key else f"step {number}"
        fields = flow.inner(table, f"{flow.location} {own}")
        fields.only(STEP_KEYS)
        step = _read_step(fields, name, folder)
        if step.key in seen:
            fields.wrong("key", "another step of the flow has it", "a key of its own")
        if step.key:
            seen.add(step.key)
        steps.append(step)
        named.append((fields, step.key))
    return tuple(steps), read_old_names(named, "step")


def _read_step(fields: Fields, flow: str, folder: Path) -> Step:
    key = fields.label("key")
    enabled = fields.boolean("enabled", default=True)
    channel = _channel(fields)
    subject = _subject(fields, channel, enabled=enabled)
    content_format = _format(fields, channel)
    content = _content(fields, channel, folder, enabled=enabled)
    if content is not None:
        is_page = channel is Channel.EMAIL and is_html(content, content_format)
        name = "content_file" if "content_file" in fields else "content"
        _check_template(fields, name, content, html=is_page)
    time, time_type = _time(fields, enabled=enabled)
    step = Step(
        flow=flow,
        key=key,
        type=channel or Channel.EMAIL,
        subject=subject,
        content=content,
        day=fields.integer("day", default=0, highest=LAST_DAY),
        time=time,
        time_type=time_type,
        enabled=enabled,
        format=content_format,
    )
    return normalize_step(step)


def _channel(fields: Fields) -> Channel | None:
    """The step's type; null where it is missing or wrong."""
    if "type" not in fields:
        fields.wrong("type", "missing", "'email' or 'text'")
    word = fields.choice("type", CHANNELS)
    return None if word is None else Channel(word)


def _subject(fields: Fields, channel: Channel | None, *, enabled: bool) -> str | None:
    subject = fields.text("subject")
    if channel is Channel.TEXT and "subject" in fields:
        fields.wrong("subject", "a text has none", "no subject, or type 'email'")
    elif channel is Channel.EMAIL and enabled and "subject" not in fields:
        fields.wrong("subject", "missing", "a subject, since this is an email")
    elif channel is Channel.EMAIL and enabled and subject is not None and not subject.strip():
        fields.wrong("subject", "is empty", "a subject, since this is an email")
    if subject is not None:
        _check_template(fields, "subject", subject, html=False)
    return subject


def _format(fields: Fields, channel: Channel | None) -> ContentFormat | None:
    word = fields.choice("format", tuple(ContentFormat))
    if channel is Channel.TEXT and "format" in fields:
        fields.wrong("format", "a text has none", "no format, or type 'email'")
    return None if word is None else ContentFormat(word)


def _content(fields: Fields, channel: Channel | None, folder: Path, *, enabled: bool) -> str | None:
    if "content" in fields and "content_file" in fields:
        fields.wrong("content_file", "stands beside content", "one of the two")
        return None
    name = "content_file" if "content_file" in fields else "content"
    content = fields.text("content") if name == "content" else _file_content(fields, folder)
    if name not in fields and enabled:
        fields.wrong("content", "missing", "a content, or a content_file")
    if content is None:
        return None
    if enabled and not content.strip():
        fields.wrong(name, "is empty", "what the message says")
    if channel is Channel.TEXT and len(content) > TEXT_LIMIT:
        problem = f"has {len(content)} characters"
        fields.wrong(name, problem, f"at most {TEXT_LIMIT}, since this is a text")
    return content


def _file_content(fields: Fields, folder: Path) -> str | None:
    """What the file named by ``content_file`` holds; its line ends are read as TOML reads them."""
    name = fields.text("content_file")
    if name is None:
        return None
    try:
        content = (folder / name).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fields.wrong("content_file", f"{name} is not UTF-8 at byte {error.start}", "UTF-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        fields.wrong("content_file", f"{name}: {reason}", "a file, relative to the steps file")
    else:
        if "\x00" not in content:
            return content.replace("\r\n", "\n")
        fields.wrong("content_file", f"{name} has a NUL character", "a text without it")
    return None


def _time(fields: Fields, *, enabled: bool) -> tuple[str | None, TimeType]:
    """The step's time as stored, and its type: without one, specific where there is a time."""
    written = fields.text("time")
    given = fields.choice("time_type", tuple(TimeType))
    time = None
    if written is not None:
        try:
            time = clock_text(parse_time_of_day(written))
        except ValueError as error:
            fields.wrong("time", f"'{written}'", str(error))
    if given == TimeType.IMMEDIATELY and "time" in fields:
        fields.wrong("time_type", "'immediately' beside a time", "'specific', or no time")
    if given == TimeType.SPECIFIC and enabled and "time" not in fields:
        fields.wrong("time", "missing, and time_type is 'specific'", A_TIME)
    return time, TimeType(
        given or (TimeType.SPECIFIC if "time" in fields else TimeType.IMMEDIATELY)
    )


def _check_template(fields: Fields, name: str, source: str, *, html: bool) -> None:
    try:
        parse(source, html)
    except TemplateError as error:
        fields.wrong(name, str(error), "a Liquid template such as {{ first_name }}")
