"""What is to come: messages a day, what texts will cost in segments, and what cannot go."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flowctl import address
from flowctl.database import Connection
from flowctl.model import DEFAULT_FLOW, Channel
from flowctl.rendering import CannotSend, recipient_of, render_content, template_context
from flowctl.segments import segments
from flowctl.selection import check_flow, zone_name
from flowctl.settings import Settings
from flowctl.store import forecast as store
from flowctl.store.forecast import FallingDue, ForecastText

SAMPLE = 200
"""Texts a day that are rendered; of more, as many are drawn, and the day counted up from them."""

UNKNOWN = "?"
"""The country of a number that cannot be read."""


@dataclass(frozen=True, slots=True)
class ForecastDay:
    """What falls due on a day; ``segments`` and ``countries`` are of the texts that will go."""

    date: date
    email: int
    text: int
    segments: int
    countries: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cannot:
    """How many of the messages cannot go, as things are; each is counted once."""

    no_address: int
    suppressed: int
    paused: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The coming days of ``timezone``, today first. ``is_sampled``: on some day there are more
    texts than are rendered."""

    timezone: str
    days: Sequence[ForecastDay]
    cannot: Cannot
    is_sampled: bool


def forecast(
    connection: Connection,
    settings: Settings,
    days: int,
    *,
    flow: str | None = None,
    timezone: str | None = None,
) -> Forecast:
    """What falls due on each of the coming days; what is overdue counts for today.

    Raises InputError for a flow that is not there.
    """
    if flow is not None:
        check_flow(connection, flow)
    zone = zone_name(connection, timezone, flow or DEFAULT_FLOW)
    found = store.falling_due(connection, days, zone, flow, sample=SAMPLE)
    drawn = [message_id for day in found for message_id in day.sample]
    texts = {text.id: text for text in store.texts(connection, drawn)} if drawn else {}
    return Forecast(
        zone,
        [_day(day, [texts[one] for one in day.sample if one in texts], settings) for day in found],
        Cannot(
            sum(day.no_address for day in found),
            sum(day.suppressed for day in found),
            sum(day.paused for day in found),
        ),
        is_sampled=any(day.going > SAMPLE for day in found),
    )


def _day(day: FallingDue, drawn: Sequence[ForecastText], settings: Settings) -> ForecastDay:
    scale = day.going / len(drawn) if drawn else 0.0
    countries = Counter(_country(text, settings) for text in drawn)
    return ForecastDay(
        day.date,
        day.email,
        day.text,
        round(scale * sum(_segments(drawn))),
        {name: round(scale * count) for name, count in countries.most_common()},
    )


def _segments(texts: Iterable[ForecastText]) -> Iterable[int]:
    """The pieces of each text as its lead will read it; none where it cannot be rendered."""
    for text in texts:
        context = template_context(text.lead, text.zone, text.scheduled_for)
        try:
            _, body, _ = render_content(None, text.content, Channel.TEXT, context)
        except CannotSend:
            continue
        yield segments(body).count


def _country(text: ForecastText, settings: Settings) -> str:
    try:
        return address.country_of(recipient_of(text.lead, Channel.TEXT, settings)) or UNKNOWN
    except CannotSend:
        return UNKNOWN
