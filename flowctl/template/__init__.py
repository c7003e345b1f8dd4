"""Merge fields: Liquid over a lead's columns, in a step's subject and content.

The one rule: what a lead's row holds is data, never template and never markup.

A template cannot read files or other templates, and the work and memory of one rendering are
bounded, whatever the template or the lead says. Liquid is large: it is loaded for the first
template that needs it, which most do not (``plain``).
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from flowctl.template.context import TemplateContext
from flowctl.template.errors import TemplateError
from flowctl.template.plain import PlainTemplate

if TYPE_CHECKING:
    from flowctl.template.language import LiquidTemplate

__all__ = ["SOURCE_LIMIT", "Template", "TemplateError", "parse", "render"]

SOURCE_LIMIT = 200_000
"""Characters of a template. Mail providers cut what they show at about half of that."""


class Template:
    """A parsed template; make one with ``parse``.

    ``fields`` are the paths of what it takes from the lead: ``("custom", "size")``.
    """

    __slots__ = ("_html", "_liquid", "_plain", "_source", "fields")

    def __init__(self, source: str, *, html: bool) -> None:
        self._source = source
        self._html = html
        self._plain = PlainTemplate.read(source, html=html)
        self._liquid: LiquidTemplate | None = None
        self.fields: tuple[tuple[str, ...], ...] = (
            self._parsed().fields if self._plain is None else self._plain.fields
        )

    def render(self, values: TemplateContext) -> str:
        """See the function ``render``."""
        result = None if self._plain is None else self._plain.render(values)
        return self._parsed().render(values) if result is None else result

    def _parsed(self) -> "LiquidTemplate":
        if self._liquid is None:
            from flowctl.template import language

            self._liquid = language.parse(self._source, html=self._html)
        return self._liquid


@lru_cache(maxsize=256)
def parse(source: str, html: bool) -> Template:  # noqa: FBT001  # the two kinds there are
    """Parse a template; with ``html``, every value is escaped where it is put in.

    Raises ``TemplateError`` for what Liquid cannot read, for a tag or filter that does not exist,
    and for a template beyond ``SOURCE_LIMIT``. The last templates are kept: parsing one of them
    again is free.
    """
    if len(source) > SOURCE_LIMIT:
        raise TemplateError(f"{len(source):,} characters, where at most {SOURCE_LIMIT:,} are taken")
    return Template(source, html=html)


def render(template: Template, values: TemplateContext) -> str:
    """The template with a lead's values, each by its column's name: ``{{ first_name }}``.

    A value that is missing or null is empty; texts are cleaned, see ``context``.

    Raises ``TemplateError`` for anything that fails, a limit included.
    """
    return template.render(values)
