"""Templates rendered for a lead, at a moment of the tests' own."""

from datetime import UTC, datetime

import pytest

from flowctl import template
from flowctl.model import JsonObject
from flowctl.template import TemplateError, parse
from flowctl.template.context import TemplateContext
from flowctl.zones import zone_info

NOW = datetime(2026, 12, 1, 17, 30, tzinfo=UTC)


def rendered(source: str, lead: JsonObject, *, html: bool = False, zone: str = "UTC") -> str:
    """What a lead reads."""
    context = TemplateContext(lead, now=NOW, zone=zone_info(zone))
    return template.render(parse(source, html), context)


def failure(source: str, lead: JsonObject | None = None) -> TemplateError:
    """Why a template cannot be rendered."""
    with pytest.raises(TemplateError) as caught:
        rendered(source, lead or {})
    return caught.value
