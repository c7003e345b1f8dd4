"""Flows and steps for property tests: whatever the tables can hold, hostile strings included."""

from datetime import time, timedelta

from hypothesis import strategies as st

from flowctl.model import Channel, ContentFormat, Flow, FlowSteps, JsonObject, Step, TimeType
from flowctl.normalize import CHANNELS, WEEKDAYS, normalize_flow, normalize_step
from flowctl.times import LONGEST, clock_text

STORED = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
"""What a PostgreSQL text can hold."""

HOSTILE = st.sampled_from(
    ['"""', "'''", "\\", '"', "\r\n", "\r", "\n", "\x7f", "\x1b[31m", "#", "[[flows]]", "😀", "é"]
)


def texts() -> st.SearchStrategy[str]:
    """Contents without Liquid in them, not blank."""
    parts = st.lists(HOSTILE | st.text(STORED, max_size=8), max_size=6).map("".join)
    return parts.map(lambda text: "x" + text.replace("{", "("))


def names() -> st.SearchStrategy[str]:
    """Names of flows and keys of steps."""
    letters = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Cn", "Co", "Zs", "Zl", "Zp"])
    return st.text(letters, min_size=1, max_size=6)


def json_values() -> st.SearchStrategy[object]:
    """JSON values, null included."""
    leaves = (
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    )
    return st.recursive(
        leaves | st.text(STORED, max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(STORED, max_size=5), inner, max_size=3)
        ),
        max_leaves=6,
    )


def json_objects() -> st.SearchStrategy[JsonObject]:
    """JSON objects."""
    return st.dictionaries(st.text(STORED, max_size=5), json_values(), max_size=3)


def times() -> st.SearchStrategy[str]:
    """Times of day as stored."""
    return st.builds(time, st.integers(0, 23), st.integers(0, 59)).map(clock_text)


@st.composite
def windows(draw: st.DrawFn) -> JsonObject:
    """Send windows that the database takes."""
    window = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "start": times(),
                "end": times(),
                "days": st.lists(st.sampled_from(WEEKDAYS), min_size=1),
                "types": st.lists(st.sampled_from(CHANNELS), min_size=1),
            },
        )
    )
    if window.get("start", "12:00 AM") == window.get("end"):
        del window["end"]
    return window


def durations() -> st.SearchStrategy[timedelta]:
    """Lengths of time that a flow can have."""
    return st.timedeltas(min_value=timedelta(microseconds=1), max_value=LONGEST)


def senders() -> st.SearchStrategy[JsonObject]:
    """Senders that the database takes."""
    return st.fixed_dictionaries(
        {},
        optional={
            "email_from": st.sampled_from(["ana@example.com", "Ana @ Acme <ana@example.com>"]),
            "reply_to": st.just("Büro <ana@example.com>"),
            "return_path": st.just("bounces+{message_id}@example.com"),
            "text_from": st.sampled_from(["+12125550100", "MG" + "0a" * 16]),
        },
    )


def flows(name: str) -> st.SearchStrategy[Flow]:
    """The flow of that name with any settings."""
    return st.builds(
        Flow,
        name=st.just(name),
        enabled=st.booleans(),
        timezone=st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu"]),
        audience=st.none() | json_objects(),
        exit_when=st.none() | json_objects(),
        send_window=st.none() | windows(),
        expire_after=st.none() | durations(),
        min_gap=st.none() | durations(),
        dedupe_address=st.booleans(),
        exit_on_reply=st.booleans(),
        sender=st.none() | senders(),
    ).map(normalize_flow)


@st.composite
def steps(draw: st.DrawFn, flow: str, key: str | None) -> Step:
    """A step that the database takes, in normal form."""
    enabled = draw(st.booleans())
    channel = draw(st.sampled_from(Channel))
    time_type = draw(st.sampled_from(TimeType))
    may_lack = st.nothing() if enabled else st.none()
    step = Step(
        flow=flow,
        key=key,
        type=channel,
        subject=draw(may_lack | texts()),
        content=draw(may_lack | texts()),
        day=draw(st.integers(0, 2) | st.integers(0, 3650)),
        time=draw(may_lack | times()),
        time_type=time_type,
        enabled=enabled,
        format=draw(st.none() | st.sampled_from(ContentFormat)),
    )
    return normalize_step(step)


@st.composite
def files(draw: st.DrawFn) -> tuple[FlowSteps, ...]:
    """What a steps file can say."""
    found = draw(st.lists(names(), min_size=1, max_size=3, unique=True))
    return tuple(
        FlowSteps(
            draw(flows(name)),
            tuple(
                draw(steps(name, key)) for key in draw(st.lists(names(), max_size=4, unique=True))
            ),
        )
        for name in found
    )
