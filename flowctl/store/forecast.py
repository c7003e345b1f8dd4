"""What is to come (``forecast.sql``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from flowctl.database import Connection
from flowctl.model import JsonObject
from flowctl.store.fetching import fetch_rows


@dataclass(frozen=True, slots=True)
class FallingDue:
    """How many messages fall due on a day, and how many of these cannot go.

    ``going`` texts have nothing in their way; ``sample`` are some of them, drawn evenly.
    """

    date: date
    email: int
    text: int
    going: int
    no_address: int
    suppressed: int
    paused: int
    sample: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class ForecastText:
    """A text that is to come: its template, and the lead whom it goes to."""

    id: UUID
    content: str
    scheduled_for: datetime
    lead: JsonObject
    zone: str


def falling_due(
    connection: Connection, days: int, zone: str, flow: str | None, *, sample: int
) -> list[FallingDue]:
    """The coming days of ``zone``, today first; of one flow only, if given."""
    return fetch_rows(
        connection, "forecast", FallingDue, days=days, zone=zone, flow=flow, sample=sample
    )


def texts(connection: Connection, ids: Sequence[UUID]) -> list[ForecastText]:
    """These texts, in no order."""
    return fetch_rows(connection, "forecast_texts", ForecastText, ids=list(ids))
