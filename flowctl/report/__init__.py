"""What went out, what became of it and what comes, as one page for people who like no tables."""

from datetime import timedelta

from flowctl.database import Connection
from flowctl.forecast import forecast
from flowctl.model import DEFAULT_FLOW
from flowctl.report.model import Report
from flowctl.report.page import html_page
from flowctl.selection import check_flow, zone_name
from flowctl.settings import Settings
from flowctl.store import report as store
from flowctl.store.selection import database_now
from flowctl.zones import zone_info

__all__ = ["Report", "html_page", "report"]

COMING_DAYS = 7


def report(connection: Connection, settings: Settings, span: timedelta, flow: str | None) -> Report:
    """All that the page shows, as far back as ``span``. Raises InputError for a flow that is not
    there."""
    if flow is not None:
        check_flow(connection, flow)
    zone = zone_name(connection, None, flow or DEFAULT_FLOW)
    until = database_now(connection).astimezone(zone_info(zone))
    since = until - span
    return Report(
        since,
        until,
        zone,
        store.steps(connection, since, flow),
        store.days(connection, since, zone, flow),
        store.failures(connection, since, flow),
        forecast(connection, settings, COMING_DAYS, flow=flow),
    )
