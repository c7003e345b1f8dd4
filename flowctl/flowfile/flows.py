"""The settings of a flow in a steps file."""

from collections.abc import Mapping

from flowctl.flowfile.fields import Fields, nearest
from flowctl.flowfile.zones import zone_name
from flowctl.model import DEFAULT_FLOW, Flow, JsonObject
from flowctl.normalize import CHANNELS, WEEKDAYS, normalize_window
from flowctl.sender import sender_mistakes
from flowctl.times import A_TIME, parse_time_of_day

FLOW_KEYS = (
    "name",
    "enabled",
    "timezone",
    "audience",
    "exit_when",
    "send_window",
    "expire_after",
    "min_gap",
    "dedupe_address",
    "exit_on_reply",
    "sender",
)
"""The keys of a flow beside its steps, in the order they are written."""

_DEFAULTS = Flow(DEFAULT_FLOW)
_WINDOW_KEYS = ("start", "end", "days", "types")


def read_flow(fields: Fields, name: str) -> Flow:
    """The flow ``name`` with the settings that ``fields`` give it, and defaults for the rest."""
    return Flow(
        name=name,
        enabled=fields.boolean("enabled", default=True),
        timezone=_timezone(fields),
        audience=fields.json_object("audience"),
        exit_when=fields.json_object("exit_when"),
        send_window=_send_window(fields),
        expire_after=fields.duration("expire_after"),
        min_gap=fields.duration("min_gap"),
        dedupe_address=fields.boolean("dedupe_address", default=False),
        exit_on_reply=fields.boolean("exit_on_reply", default=False),
        sender=_sender(fields),
    )


def _timezone(fields: Fields) -> str:
    written = fields.text("timezone")
    if written is None:
        return _DEFAULTS.timezone
    try:
        return zone_name(written)
    except ValueError as error:
        fields.wrong("timezone", f"'{written}' is not a time zone", str(error))
        return written


def _sender(fields: Fields) -> JsonObject | None:
    """Who the messages come from, null where that is missing or wrong."""
    sender = fields.table.get("sender")
    if sender is None:
        return None
    if not isinstance(sender, Mapping):
        fields.wrong("sender", "is not a table", '{ email_from = "Ana <ana@example.com>" }')
        return None
    mistakes = list(sender_mistakes(sender))
    for key, problem, expected in mistakes:
        fields.wrong(f"sender.{key}", problem, expected)
    return None if mistakes else dict(sender)


def _send_window(fields: Fields) -> JsonObject | None:
    """The window in normal form, null where it is missing or wrong."""
    window = fields.table.get("send_window")
    if window is None:
        return None
    if not isinstance(window, Mapping):
        fields.wrong("send_window", "is not a table", '{ start = "8:00 AM", end = "8:00 PM" }')
        return None
    wrong = _WindowMistakes(fields)
    for name in window:
        if name not in _WINDOW_KEYS:
            wrong.note(name, "unknown key", nearest(name, _WINDOW_KEYS))
    for edge in ("start", "end"):
        wrong.check_time(edge, window)
    wrong.check_words("days", window, WEEKDAYS)
    wrong.check_words("types", window, CHANNELS)
    if wrong.found:
        return None
    normal = normalize_window(window)
    if normal.get("start", "12:00 AM") == normal.get("end"):
        wrong.note("end", "is the same as the start", "another time, or neither for the whole day")
        return None
    return normal


class _WindowMistakes:
    """What is wrong with a send window, noted under ``send_window``."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self.found = False

    def note(self, name: str, problem: str, expected: str) -> None:
        self.found = True
        self._fields.wrong(f"send_window.{name}", problem, expected)

    def check_time(self, name: str, window: JsonObject) -> None:
        written = window.get(name)
        try:
            if isinstance(written, str):
                parse_time_of_day(written)
            elif written is not None:
                self.note(name, "is not a text", A_TIME)
        except ValueError as error:
            self.note(name, f"'{written}'", str(error))

    def check_words(self, name: str, window: JsonObject, words: tuple[str, ...]) -> None:
        given = window.get(name)
        if given is None:
            return
        expected = "a list of " + ", ".join(f"'{word}'" for word in words)
        if not isinstance(given, list) or not given:
            self.note(name, "is empty" if given == [] else "is not a list", expected)
            return
        for word in given:
            if word not in words:
                self.note(name, f"{word!r}", expected)
