"""The one form in which a flow and a step are compared and written.

The tables hold more than a steps file can say: the time of an immediate step, the subject of a
text, a draft's unreadable time, a window written as ``08:00``. None of it has an effect, so it is
neither written to a file nor taken for a difference.
"""

from collections.abc import Iterable
from dataclasses import replace

from flowctl.model import Channel, Flow, JsonObject, Step, TimeType
from flowctl.times import clock_text, parse_time_of_day

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of a send window, as it names them."""

CHANNELS = tuple(channel.value for channel in Channel)

_BLANK = " \t\r\n"


def normalize_flow(flow: Flow) -> Flow:
    """The flow with its send window in normal form."""
    return replace(flow, send_window=flow.send_window and normalize_window(flow.send_window))


def normalize_window(window: JsonObject) -> JsonObject:
    """A send window that the database takes: its times as stored, its days and types in order."""
    normal: dict[str, str | list[str]] = {
        edge: clock_text(parse_time_of_day(window[edge]))
        for edge in ("start", "end")
        if edge in window
    }
    for name, words in (("days", WEEKDAYS), ("types", CHANNELS)):
        if name in window:
            normal[name] = _in_order(window[name], words)
    return normal


def normalize_step(step: Step) -> Step:
    """The step without what has no effect, and with null for what is blank."""
    return replace(
        step,
        subject=_filled(step.subject) if step.type is Channel.EMAIL else None,
        content=_filled(step.content),
        time=_readable(step.time) if step.time_type is TimeType.SPECIFIC else None,
        format=step.format if step.type is Channel.EMAIL else None,
    )


def _in_order(given: Iterable[str], words: tuple[str, ...]) -> list[str]:
    wanted = set(given)
    return [word for word in words if word in wanted]


def _filled(text: str | None) -> str | None:
    return text if text and text.strip(_BLANK) else None


def _readable(time: str | None) -> str | None:
    try:
        return clock_text(parse_time_of_day(time)) if time else None
    except ValueError:
        return None
